"""An input document, as an event of the audit log holds it, back to the facts it was written from.

What may have been personal was withheld when it was recorded. Here it is known which places those
are, so that whoever judges the document again can tell what he does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sidecar.model import (
    ArgumentMarks,
    Caller,
    Endpoint,
    Finding,
    JsonObject,
    PersonalData,
    Tool,
)
from sidecar.policy.facts import VERSION, Facts

Place = tuple[str | None, ...]
"""Steps from `input` on; None is a key or an element that is not told apart."""

MOST_FINDINGS: Final = 100
"""Findings that a record holds; with as many there may have been more."""

_LONGEST: Final = 1000
"""Characters put in the place of a withheld text at most."""

_WITHHELD: Final = frozenset({"withheld", "length"})
_NOT_TOLD: Final = re.compile(r"\[withheld: \d+ characters\]")
_SCRUBBED: Final = re.compile(r"\[[A-Z][A-Z_0-9]*(?::[^\]]*)?\]|\[withheld: \d+ characters\]")


def facts(document: Any) -> Facts:
    """The facts of a document of this version; those of a list have no arguments.

    Raises ValueError if it is none, without a word of what it holds.
    """
    try:
        if document["version"] != VERSION:
            raise ValueError("its version is another")
        tools = tuple(map(_tool, document["tools"]))
        mcp = document["mcp"]
        return Facts(
            tools=tools,
            caller=_caller(document["caller"], document["endpoint"]),
            method=_text(mcp["method"]),
            protocol=_text(mcp["protocol"]),
            now=datetime.fromisoformat(document["time"]),
            arguments=dict(document["arguments"]) if "arguments" in document else None,
            findings=tuple(map(_finding, document.get("findings", ()))),
            recent=dict(document["recent"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError("it is no input document") from None


def withheld(document: JsonObject) -> tuple[Place, ...]:
    """The places whose value, or name, the record does not tell.

    A tool's name is not among them: one that was withheld is none that a rule could know.
    """
    places = list(_of_arguments(document.get("arguments"), ("arguments",)))
    if len(document.get("findings", ())) >= MOST_FINDINGS:
        places.append(("findings",))
    for name in ("caller", "endpoint"):
        places += _of_text(document.get(name), (name,))
    return tuple(dict.fromkeys(places))


def filled(document: JsonObject) -> JsonObject:
    """The document with something of the same kind and length in the place of what is withheld."""
    if "arguments" not in document:
        return document
    arguments = _filled(document["arguments"])
    return {**document, "arguments": arguments if isinstance(arguments, dict) else {}}


def is_read(path: tuple[str | None, ...], places: tuple[Place, ...]) -> bool:
    """Whether a reference, its root first, leads to a place, into it or past it."""
    root, *steps = path
    return root == "input" and any(
        all(a is None or b is None or a == b for a, b in zip(steps, place, strict=False))
        for place in places
    )


def _of_arguments(value: Any, place: Place) -> Iterator[Place]:
    if isinstance(value, dict):
        if value.keys() == _WITHHELD:
            yield place
            return
        for key, inner in value.items():
            is_told = _NOT_TOLD.fullmatch(key) is None
            if not is_told:
                yield (*place, None)
            yield from _of_arguments(inner, (*place, key if is_told else None))
    elif isinstance(value, list):
        for inner in value:
            yield from _of_arguments(inner, (*place, None))


def _of_text(value: Any, place: Place) -> Iterator[Place]:
    """Texts out of which something was scrubbed."""
    if isinstance(value, str):
        if _SCRUBBED.search(value):
            yield place
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _of_text(key, (*place, None))
            yield from _of_text(inner, (*place, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _of_text(inner, (*place, None))


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != _WITHHELD:
        return {key: _filled(inner) for key, inner in value.items()}
    if value["withheld"] == "MORE":
        return {}
    length = value["length"] if isinstance(value["length"], int) else 1
    if value["withheld"] == "NUMBER":
        return 10 ** max(6, min(length, 15))
    return "x" * max(0, min(length, _LONGEST))


def _tool(said: Any) -> Tool:
    marks = {
        name: ArgumentMarks(m["overwrites"], m["outbound"], tuple(m["expected"]))
        for name, m in said["arguments"].items()
    }
    return Tool(
        name=_text(said["name"]),
        is_known=said["known"],
        method=said["method"],
        effect=said["effect"],
        tags=tuple(said["tags"]),
        pii=tuple(PersonalData("/", entity) for entity in said["pii"]),
        arguments=MappingProxyType(marks),
        customer_text=tuple(said["customer_text"]),
        is_pinned=said["pinned"],
    )


def _caller(said: Any, at: Any) -> Caller:
    expires = at["expires_at"]
    endpoint = Endpoint(
        name=_text(at["name"]),
        token_hash=None,
        methods=tuple(at["methods"]),
        tags=tuple(at["tags"]),
        require_api_token_auth=at["require_api_token_auth"],
        expires_at=datetime.fromisoformat(expires) if expires else None,
        account=at["account"],
    )
    return Caller(
        endpoint,
        is_authenticated=said["authenticated"],
        issuer=said["issuer"],
        subject=said["subject"],
        client=said["client"],
        scopes=tuple(said["scopes"]),
        roles=tuple(said["roles"]),
        claims=dict(said["claims"]),
        on_behalf_of=said["on_behalf_of"],
        purpose=said["purpose"],
    )


def _finding(said: Any) -> Finding:
    return Finding(_text(said["entity"]), _text(said["pointer"]), int(said["length"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
