"""The command line run whole in this process: what it printed, and how it ended."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import structlog

from sidecar import cli


class Ran(NamedTuple):
    """How a command ended, and what it said on the two streams."""

    code: int
    out: str
    err: str


def sidecar(*words: str | Path) -> Ran:
    """Run `sidecar` with words; nothing but an orderly exit passes."""
    out, err = io.StringIO(), io.StringIO()
    argv = patch("sys.argv", ["sidecar", *map(str, words)])
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with argv, streams[0], streams[1], loggers_as_before():
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    ran = Ran(code, out.getvalue(), err.getvalue())
    assert "Traceback" not in ran.out + ran.err
    return ran


@contextlib.contextmanager
def loggers_as_before() -> Iterator[None]:
    """Give back what `log.configure` takes: the process is the tests', not the command's."""
    root, called = logging.getLogger(), logging.Logger.callHandlers
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        logging.Logger.callHandlers = called  # type: ignore[method-assign]
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
