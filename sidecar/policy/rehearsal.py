"""Input documents that a new policy is tried on before it serves.

Together they make every effect, method and mark appear in a list and in calls, so that an unsafe
variable, an unknown function or a wrong number of arguments shows when the policy is read, and not
in the first call that reaches it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, get_args

from sidecar.model import (
    ENTITIES,
    ArgumentMarks,
    Caller,
    Effect,
    Endpoint,
    Finding,
    JsonObject,
    Method,
    PersonalData,
    Tool,
)
from sidecar.policy.facts import Facts

_MARKS: Final = {
    "plain": ArgumentMarks(),
    "expects": ArgumentMarks(expected=("EMAIL", "PHONE")),
    "marked": ArgumentMarks(overwrites=True, outbound=True),
}


def _tools() -> tuple[Tool, ...]:
    entities = tuple(PersonalData(f"/{entity}", entity) for entity in sorted(ENTITIES))
    known = [
        Tool(
            name=f"{method}_{effect}",
            is_known=True,
            method=method,
            effect=effect,
            tags=("customers", "export", "outbound"),
            pii=entities,
            arguments=_MARKS,
        )
        for method in get_args(Method)
        for effect in get_args(Effect)
    ]
    return (*known, Tool("unknown"), Tool("changed", is_known=True, is_pinned=False))


def _documents() -> tuple[JsonObject, ...]:
    endpoint = Endpoint("rehearsal", None, methods=("read", "write", "custom"))
    caller = Caller(
        endpoint,
        is_authenticated=True,
        issuer="https://issuer.example",
        subject="rehearsal",
        client="rehearsal",
        scopes=("scope",),
        roles=("role",),
        claims={"claim": "value"},
        on_behalf_of="somebody",
        purpose="support",
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    tools = _tools()
    arguments = dict.fromkeys(_MARKS, "value")
    findings = [Finding(e, f"/{a}", 5) for e in (*sorted(ENTITIES), "MASK") for a in _MARKS]
    calls = [
        Facts((tool,), caller, "tools/call", "2026-07-28", now, arguments, findings)
        for tool in tools
    ]
    facts = [Facts(tools, caller, "tools/list", "2025-11-25", now), *calls]
    return ({"version": 1, "tools": []}, *(fact.document() for fact in facts))


DOCUMENTS: Final = _documents()
"""An empty document, a list of every kind of tool, and a call of each."""
