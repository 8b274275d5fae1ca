"""Notes each request to the backend, for `sidecar audit reconcile`: never what it says."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidecar.errors import ConfigError, Problem

_MOST: Final = 1 << 22  # bytes of a body that are looked at for its method
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_METHOD: Final = re.compile(r"[A-Za-z_/]{1,100}")


class RequestLog:
    """Adds one line of JSON for each request to a file, before the application has all of it.

    A line has `time`, `x-request-id` (null without one) and `method`: the message's, or the HTTP
    verb of what is no message. Words that are no id or no method are left out, since they can be
    anything. A request that cannot be noted fails.

    Raises:
        ConfigError: the file cannot be opened. It is readable by its owner alone.
    """

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app = app
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = os.open(file, flags, 0o600)
        except OSError as error:
            what = f"the log of requests cannot be written: {error.strerror}"
            raise ConfigError([Problem(str(file), what)]) from None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        is_noted = False

        async def heard() -> Message:
            nonlocal is_noted
            message = await receive()
            if message["type"] == "http.request" and not is_noted:
                body.extend(message.get("body", b"")[: _MOST - len(body)])
                if not message.get("more_body", False):
                    is_noted = True
                    self._note(scope, bytes(body))
            return message

        try:
            await self._app(scope, heard, send)
        finally:
            if not is_noted:
                self._note(scope, bytes(body))

    def _note(self, scope: Scope, body: bytes) -> None:
        names = [v.decode("latin-1") for k, v in scope["headers"] if k == b"x-request-id"]
        line = {
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            "x-request-id": names[0] if names and _ID.fullmatch(names[0]) else None,
            "method": _method(body) or scope["method"],
        }
        os.write(self._fd, orjson.dumps(line) + b"\n")


def _method(body: bytes) -> str:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    method = message.get("method") if isinstance(message, dict) else None
    return method if isinstance(method, str) and _METHOD.fullmatch(method) else ""
