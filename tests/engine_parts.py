"""Callers, tools and endpoints, any of them and one good one of each, for the tests of engines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from sidecar.errors import ConfigError, OrganDown
from sidecar.model import (
    ENTITIES,
    ArgumentMarks,
    Caller,
    Decision,
    Endpoint,
    Finding,
    PersonalData,
    Tool,
)
from sidecar.policy import Bundle, Embedded, Facts, Policy, load
from sidecar.settings import shipped

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
METHODS = ("list", "get", "create", "update", "delete", "custom")
READER = Caller(Endpoint("support", None, ("read",)), is_authenticated=True, subject="agent-1")
TOOL = Tool("list_things", is_known=True, method="list", effect="read", tags=("things",))

NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
LISTS = st.lists(NAMES, max_size=3).map(tuple)
INTEGERS = st.integers(-(2**53), 2**53)
SCALARS = st.none() | st.booleans() | INTEGERS | NAMES
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
ENTITY = st.sampled_from(sorted(ENTITIES))
ENDPOINTS = st.builds(
    Endpoint,
    name=NAMES,
    token_hash=st.none(),
    methods=st.lists(st.sampled_from(["read", "write", *METHODS]), max_size=3).map(tuple),
    tags=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
    require_api_token_auth=st.booleans(),
    expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    account=st.just("") | NAMES,
)
CALLERS = st.builds(
    Caller,
    endpoint=ENDPOINTS,
    is_authenticated=st.booleans(),
    issuer=NAMES,
    subject=NAMES,
    client=NAMES,
    scopes=LISTS,
    roles=LISTS,
    claims=st.dictionaries(NAMES, JSON, max_size=3),
    on_behalf_of=NAMES,
    purpose=NAMES,
)
MARKS = st.builds(
    ArgumentMarks,
    overwrites=st.booleans(),
    outbound=st.booleans(),
    expected=st.lists(ENTITY, max_size=2, unique=True).map(tuple),
)
TOOLS = st.builds(
    Tool,
    name=NAMES,
    is_known=st.booleans(),
    method=st.sampled_from(METHODS),
    effect=st.sampled_from(["read", "write", "destructive"]),
    tags=st.lists(st.sampled_from("abc"), max_size=3, unique=True).map(tuple),
    pii=st.lists(st.builds(PersonalData, NAMES, ENTITY), max_size=2).map(tuple),
    arguments=st.dictionaries(NAMES, MARKS, max_size=2),
    customer_text=LISTS,
    is_pinned=st.booleans(),
)
FINDINGS = st.lists(
    st.builds(
        Finding,
        entity=ENTITY | st.just("MASK"),
        pointer=NAMES.map("/{}".format),
        length=st.integers(1, 99),
    ),
    max_size=2,
)


def facts(*tools: Tool, caller: Caller = READER, **named: Any) -> Facts:
    """The facts of a call of one tool, with nothing in its arguments."""
    given: dict[str, Any] = {"method": "tools/call", "protocol": "", "now": NOW, "arguments": {}}
    return Facts(tools or (TOOL,), caller, **given | named)


class Fixed:
    """An engine that gives one answer, whatever it is asked."""

    policy_sha256 = "0" * 64

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def evaluate(self, document: dict[str, Any]) -> Any:
        return self._answer


def decided(answer: Any, asked: Facts) -> Decision | OrganDown:
    """What policy makes of an engine's answer: a decision, or its refusal to decide."""
    try:
        return asyncio.run(Policy(Fixed(answer), timeout=5.0).decide(asked))
    except OrganDown as refusal:
        return refusal


def answer(
    grants: Any = ("g",), denials: Any = (), masks: Any = (), tool: str = TOOL.name
) -> dict[str, Any]:
    """What an engine says of one tool, in the agreed form unless told otherwise."""

    def about(items: Any) -> Any:
        if type(items) is not tuple:
            return items
        return [{"tool": tool} | item if isinstance(item, dict) else item for item in items]

    coded = tuple({"code": code} for code in grants) if type(grants) is tuple else grants
    return {"grants": about(coded), "denials": about(denials), "masks": about(masks)}


def bundle(body: str, data: Mapping[str, Any] | None = None) -> Bundle:
    """A bundle of one module, `main.rego`, whose first line is its package."""
    return Bundle((("main.rego", f"package sidecar.main\n{body}"),), data or {}, "0" * 64)


def evaluated(engine: Embedded, document: dict[str, Any]) -> Any:
    """The engine's value, or why it gives none."""
    try:
        return asyncio.run(engine.evaluate(document))
    except OrganDown as refusal:
        return refusal


def put(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder, and give the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def problems(error: ConfigError, folder: Path) -> list[str]:
    """The problems as a person reads them, with paths as from the folder."""
    return [str(problem).replace(f"{folder}/", "") for problem in error.problems]


def told(folder: Path, files: dict[str, str | bytes]) -> list[str]:
    """The problems of a site's folder, with paths as from it."""
    site = put(folder / "site", files)
    with pytest.raises(ConfigError) as caught:
        load(shipped("policies"), site)
    return [str(problem).replace(f"{site}/", "") for problem in caught.value.problems]
