"""The operational log: every line of the process leaves through one scrubbing formatter.

Our own loggers (structlog) and everybody else's (uvicorn, httpx2, aiohttp, asyncio, mcp, warnings,
uncaught exceptions) end at one handler, whatever handlers they have or are given later. Scrubbing
happens on the finished text, because a filter on messages misses tracebacks, arguments and whatever
a library adds later. Lines never hold local variables, nor the words of exceptions that are not
ours: they quote data, and a name in it looks like any word. Their types and places stay, which is
what a mistake is found by. A line that cannot be scrubbed is replaced by a fixed text.

Known limit: a name or a postal address in the running words of a message or a warning is not seen.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from sidecar.errors import ConfigError, Problem, SidecarError

Scrub = Callable[[str], str]

LOST = '{"level": "error", "event": "a log line was withheld: it could not be scrubbed"}\n'
"""What is written in place of a line whose making failed."""

# JSON leaves these as they are, and some readers of lines see a line's end in them.
_BREAKS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}

# Below warning these log whole URLs, headers or messages, and paths that hold endpoint tokens.
_QUIET = ("httpx2", "httpcore2", "mcp", "uvicorn.access", "aiohttp.access")

ANCHORS = "sidecar.audit.anchors"
"""The logger of the audit log's anchors: evidence, so no level and no format governs it.

Its lines are JSON always, since `sidecar audit verify --anchor` reads them.
"""

# Exceptions that speak of code, of files or of addresses of ours, and not of data.
_PLAIN = (SidecarError, OSError, AttributeError, ImportError, NameError, TypeError)
_MOST = 20
"""Exceptions of one traceback that are told: causes, contexts and members of groups together."""


def anchors_to(file: Path) -> None:
    """Add the anchors' lines to a file, made readable by its owner alone, and not to the log.

    A line that the file does not take goes to the log. Raises ConfigError if it cannot be opened.
    """
    (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, _Handler))
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise ConfigError([Problem("log.anchors_file", what, "name a file of your own")]) from None
    handler.anchors = opened


def configure(
    level: Literal["debug", "info", "warning", "error"],
    format: Literal["json", "console"],  # noqa: A002  the setting's name
    scrub: Scrub,
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process through `scrub` to `stream` (standard error).

    Lines of the logger `ANCHORS` leave at every level, and as JSON.

    May be called again: the last call holds. From then on no other handler of any logger is given
    a line, however it is configured; a line is lost if its logger is disabled later.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Formatter(scrub, format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _open_all()

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: ARG001
        handler.handle(record)

    # A server that configures logging itself, or a library with a handler of its own, would show
    # lines that nobody scrubbed. This is what every logger calls, and what none of them changes.
    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class _Handler(logging.StreamHandler[TextIO]):
    """A stream handler that says nothing of a line it failed on; the default prints it raw."""

    anchors = -1  # a descriptor, once there is a file

    def emit(self, record: logging.LogRecord) -> None:
        if self.anchors < 0 or record.name != ANCHORS or not self._is_kept(record):
            super().emit(record)

    def _is_kept(self, record: logging.LogRecord) -> bool:
        text = f"{self.format(record)}\n".encode()
        try:
            return os.write(self.anchors, text) == len(text)
        except OSError:
            return False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  logging's name
        self.stream.write(LOST)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """The one formatter: leaves are scrubbed before they are escaped, and the text after."""

    def __init__(self, scrub: Scrub, form: Literal["json", "console"]) -> None:
        self._scrub = scrub
        processors: list[Processor] = [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_reprs,
            structlog.processors.ExceptionRenderer(_traceback),
            self._scrub_leaves,
            _json if form == "json" else _console,
        ]
        super().__init__(processors=processors, foreign_pre_chain=_shared())

    def format(self, record: logging.LogRecord) -> str:
        text = self._scrub(super().format(record))
        return text.translate(_BREAKS).encode("utf-8", "backslashreplace").decode("utf-8")

    def _scrub_leaves(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        """Scrub texts unescaped too: JSON writes a line end as a letter, glued to what follows."""
        return {k: self._scrub(v) if isinstance(v, str) else v for k, v in event.items()}


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """One line of JSON. Characters stay themselves, so that `scrub` sees what readers see."""
    return json.dumps(event, ensure_ascii=False, default=repr)


_CONSOLE = structlog.dev.ConsoleRenderer(
    colors=False, exception_formatter=structlog.dev.plain_traceback
)


def _console(logger: WrappedLogger, name: str, event: EventDict) -> Any:
    """One line for a terminal; an anchor stays one that programs read."""
    return (_json if event.get("logger") == ANCHORS else _CONSOLE)(logger, name, event)


def _without_reprs(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Leave out what asyncio shows of tasks and callbacks: their arguments, results and errors."""
    if str(event.get("logger", "")).partition(".")[0] == "asyncio":
        event["event"] = re.split(r"[(<\n]", str(event["event"]), maxsplit=1)[0].strip()
    return event


def _traceback(exc_info: ExcInfo) -> str:
    """A traceback without local variables and without the words of foreign exceptions."""
    return "".join(_told(exc_info[1], set())).rstrip("\n")


def _told(error: BaseException, told: set[int]) -> Iterator[str]:
    """What led to an error first, then where it happened, what it says, and the errors in it."""
    if id(error) in told or len(told) >= _MOST:
        yield "(and more)\n"
        return
    told.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before, told)
        how = "It was the cause of" if error.__cause__ else "While it was handled, this happened"
        yield f"\n{how}:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    yield f"{kind}: {_said(error, str(error))}\n"
    for note in getattr(error, "__notes__", ()):
        yield f"{_said(error, str(note))}\n"
    for number, one in enumerate(getattr(error, "exceptions", ()), 1):
        yield f"---- {number} of this group ----\n"
        yield from _told(one, told)


def _said(error: BaseException, text: str) -> str:
    """The words of an exception, or how many characters they have."""
    return text if isinstance(error, _PLAIN) else f"[{len(text)} characters withheld]"


def _open_all() -> None:
    """Let every logger that exists pass its lines up to the root."""
    for name in (*_QUIET, *logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.disabled = False
        logger.setLevel(logging.NOTSET)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(ANCHORS).setLevel(logging.INFO)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the program. Ctrl-C is nobody's error."""
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("sidecar").critical("uncaught error", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable(args: Any) -> None:
    """Log an error in a finalizer, without the `repr` of the object it came from."""
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
