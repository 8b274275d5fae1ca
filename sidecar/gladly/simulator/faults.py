"""What goes wrong on purpose: which next requests are answered otherwise, late, or not to the end.

Deterministic: the first fault in the list that fits a request strikes, as often as it says, and is
then used up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Message, Send

from sidecar.gladly.simulator.answers import PREFIX
from sidecar.model import JsonObject

LONGEST = 3600.0
"""Seconds that a fault may make a request wait."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which requests go wrong.

    Attributes:
        verb: The HTTP method that it is for; empty for every one.
        path: What the path below `/api/v1` begins with; empty for every one.
        times: How many requests it strikes.
        status: The status of the answer; None leaves Gladly's own answer as it is.
        body: The body of that answer, whether or not it is JSON.
        media_type: The content type of that answer.
        headers: More headers of that answer.
        wait: Seconds that pass before anything happens.
        keeps: Break the connection off after so many bytes of the body; None for never.
    """

    verb: str = ""
    path: str = ""
    times: int = 1
    status: int | None = None
    body: str = ""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    keeps: int | None = None

    def fits(self, verb: str, path: str) -> bool:
        """Whether it strikes a request."""
        return self.verb in {"", verb} and path.startswith(PREFIX + self.path)

    def answer(self) -> Response | None:
        """What is answered in place of Gladly's own answer, if anything."""
        if self.status is None:
            return None
        return Response(self.body, self.status, dict(self.headers), self.media_type)

    def broken(self, send: Send) -> Send:
        """A `send` that stops after `keeps` bytes of the body, without ending the answer."""
        if self.keeps is None:
            return send
        left = self.keeps

        async def cut(message: Message) -> None:
            nonlocal left
            if message["type"] != "http.response.body":
                await send(message)
                return
            part = message.get("body", b"")[:left]
            left -= len(part)
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": True})

        return cut


class Faults:
    """The faults that are still to come. Mutable: each request may use one up."""

    def __init__(self, *faults: Fault) -> None:
        self._first = faults
        self.reset()

    def reset(self) -> None:
        """Back to the faults that were there at the start."""
        self.set(*self._first)

    def set(self, *faults: Fault) -> None:
        """Replace all faults."""
        self._waiting = list(faults)

    def take(self, verb: str, path: str) -> Fault | None:
        """The fault that strikes this request, counted; None for most requests."""
        for place, fault in enumerate(self._waiting):
            if fault.times > 0 and fault.fits(verb, path):
                self._waiting[place] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def waiting(self) -> list[JsonObject]:
        """What is still to come, in the form that `read` takes."""
        return [asdict(fault) for fault in self._waiting if fault.times > 0]


def read(raw: bytes) -> tuple[Fault, ...]:
    """Faults from a JSON array of objects with the members of `Fault`.

    Raises:
        ValueError: with the place and what is wrong there, without the value.
    """
    rows = orjson.loads(raw)
    if not isinstance(rows, list):
        raise ValueError("the faults are not a list")  # noqa: TRY004 - the value is wrong
    return tuple(_fault(row, f"fault {number}") for number, row in enumerate(rows, 1))


def _fault(row: Any, where: str) -> Fault:
    if not isinstance(row, dict):
        raise ValueError(f"{where} is not an object")  # noqa: TRY004 - likewise
    known = {one.name for one in fields(Fault)}
    if not known >= row.keys():
        raise ValueError(f"{where} may have only {', '.join(sorted(known))}")
    for name, value in row.items():
        if not _is_good(name, value):
            raise ValueError(f"{where}: {name} does not fit")
    return Fault(**row)


def _is_good(name: str, value: Any) -> bool:
    match name:
        case "verb" | "path" | "body":
            return isinstance(value, str)
        case "media_type":
            return isinstance(value, str) and _is_head(value)
        case "headers":
            return isinstance(value, dict) and all(
                isinstance(text, str) and _is_head(text) and key and _is_head(key)
                for key, text in value.items()
            )
        case "wait":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and math.isfinite(value) and 0 <= value <= LONGEST
        case "status":
            return value is None or _is_count(value, 200, 599)
        case _:
            return (value is None and name == "keeps") or _is_count(value, 0, 2**31)


def _is_head(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
