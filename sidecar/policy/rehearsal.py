"""Input documents that a new policy is tried on before it serves.

Together they make every effect, method and mark appear in a list and in calls, so that an unsafe
variable, an unknown function or a wrong number of arguments shows when the policy is read, and not
in the first call that reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, get_args

from sidecar.errors import Problem
from sidecar.model import (
    ENTITIES,
    Action,
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
            customer_text=("/body",) if effect == "read" else (),
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

_UNREADABLE: Final = re.compile(r"Rule (?P<rule>\S+) of this site cannot be read\.")
"""How `data.sidecar.lib.site` says it, for every tool."""


def judged(answer: Any) -> Iterator[Problem]:
    """What is wrong with an answer of the entrypoint, though it is one.

    A site rule that cannot be read denies every tool, and a mask that nothing can carry out stops
    the call: both would show only when the rule is reached.
    """
    for denial in answer["denials"]:
        found = _UNREADABLE.fullmatch(str(denial["message"]))
        if found and denial["code"] == found["rule"]:
            what = f"site.rules.{found['rule']} cannot be read, which denies every tool"
            remedy = "policies/README.md says what a rule gives and which members it has"
            yield Problem(f"data.site.rules.{found['rule']}", what, remedy)
    for mask in answer["masks"]:
        if not _is_carried_out(mask):
            code = str(mask.get("code", ""))
            where = code if code.startswith("masks.") else "masks"
            what = f"a mask of {code} names no known entity, or a pointer without /"
            yield Problem(f"data.site.rules.{where}", what, f"entities: {', '.join(_ENTITIES)}")


_ENTITIES: Final = sorted(ENTITIES)


def _is_carried_out(mask: Any) -> bool:
    if mask.get("action") not in get_args(Action):
        return False
    pointer = mask.get("pointer")
    return pointer.startswith("/") if isinstance(pointer, str) else mask.get("entity") in ENTITIES
