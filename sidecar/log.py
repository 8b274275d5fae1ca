"""The operational log: every line of the process leaves through one scrubbing formatter.

Our own loggers (structlog) and everybody else's (uvicorn, httpx2, aiohttp, asyncio, mcp, warnings,
uncaught exceptions) end at the root logger's one handler. Scrubbing happens on the finished text,
because a filter on messages misses tracebacks, arguments and whatever a library adds later. Lines
never hold local variables. A line that cannot be scrubbed is replaced by a fixed text.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Scrub = Callable[[str], str]

LOST = '{"level": "error", "event": "a log line was withheld: it could not be scrubbed"}\n'
"""What is written in place of a line whose making failed."""

# JSON leaves these as they are, and some readers of lines see a line's end in them.
_BREAKS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}

# Below warning these log whole URLs, headers or messages, and paths that hold endpoint tokens.
_QUIET = ("httpx2", "httpcore2", "mcp", "uvicorn.access", "aiohttp.access")


def configure(
    level: Literal["debug", "info", "warning", "error"],
    format: Literal["json", "console"],  # noqa: A002  the setting's name
    scrub: Scrub,
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process through `scrub` to `stream` (standard error).

    May be called again: the last call holds. Takes away the handlers that other loggers have by
    then, so a server that configures logging itself must be told not to.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Formatter(scrub, format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _open_all()
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

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  logging's name
        self.stream.write(LOST)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """The one formatter: leaves are scrubbed before they are escaped, and the text after."""

    def __init__(self, scrub: Scrub, form: Literal["json", "console"]) -> None:
        self._scrub = scrub
        processors: list[Processor] = [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            self._scrub_leaves,
            _json if form == "json" else _console(),
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


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )


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
