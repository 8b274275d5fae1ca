"""Every row of the catalog, called as it stands: through backend and sidecar to the simulator.

The same calls go to the backend directly, so that what the sidecar masks is known to have been
there. The first example of a row succeeds; `MORE` are calls that show what it does not.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from flow import CATALOG
from gladly_fixtures import Stack, stack, text
from jsonschema import Draft202012Validator
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult
from world import Everything, caller, logged, trusting

from sidecar.catalog import Row
from sidecar.gladly.simulator import ids
from sidecar.gladly.simulator.routes import ENDPOINTS

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

ID = ids("sample-store")
CHANNELS = (
    "chat-message", "sms", "email", "facebook-message", "conversation-note", "customer-activity",
    "phone-call", "voicemail", "voice-ai-message", "whatsapp", "instagram-direct", "twitter",
    "quick-reply", "custom", "custom-files",
)  # fmt: skip
MORE: dict[str, list[dict[str, Any]]] = {
    "list_all_gladly_conversation_items": [{"conversation_id": ID("conversation/channels")}],
    "get_single_gladly_conversation_item_by_id": [
        {"id": ID(f"item/channel/{channel}")} for channel in CHANNELS
    ],
}
DAYS = {"startAt": "2026-10-01", "endAt": "2026-11-30"}
MORE |= {
    "list_all_gladly_customers": [
        {"email": "tomas.okafor@example.com"},
        {"phoneNumber": "+14155550155"},
    ],
    "get_single_gladly_export_job_file_by_id": [
        {"job_id": ID("job/finished"), "id": f"{name}.jsonl"}
        for name in ("agents", "conversation_items", "topics")
    ],
    "list_all_gladly_events": [
        {"startAt": "2026-11-10T11:00:00Z", "entities": ["CUSTOMER", "CONTACT", "CONVERSATION"]}
    ],
    "create_a_gladly_report": [
        DAYS | {"metricSet": name}
        for name in ("AgentSummary", "TaskExportReport", "ContactExportReport")
    ],
}
KEPT = {"EXTERNAL_ID"}
"""Kinds of personal data that the library's masks leave readable."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def gladly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("gladly")) as running:
        yield running


@pytest.fixture(scope="module")
async def sidecar(
    gladly: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Everything]:
    folder = tmp_path_factory.mktemp("sidecar")
    async with Everything(folder, gladly.url, policy=trusting(folder)) as up:
        yield up


class Answers:
    """What a call brought on both roads."""

    def __init__(self, sent: CallToolResult, seen: CallToolResult) -> None:
        self.sent, self.seen = sent, seen


async def called(gladly: Stack, sidecar: Everything, name: str, arguments: Any) -> Answers:
    """Call directly and through the sidecar, each on a freshly seeded Gladly."""
    gladly.world.reset()
    async with Client(streamable_http_client(gladly.url)) as client:
        sent = await client.call_tool(name, arguments)
    gladly.world.reset()
    bearer = sidecar.bearer("admin", roles=("admin",))
    async with (
        caller(bearer) as http,
        Client(streamable_http_client(sidecar.url("everything"), http_client=http)) as client,
    ):
        return Answers(sent, await client.call_tool(name, arguments))


def records(row: Row, value: Any) -> list[Any]:
    """The records of an answer, as the catalog's patterns mean them."""
    is_list = "result" in row.output_schema.get("properties", {})
    found: list[Any] = value["result"] if is_list else [value]
    return found


def leaves(value: Any, segments: list[str]) -> Iterator[Any]:
    """What a pattern leads to; everything below, where it ends at an object or a list."""
    if not segments or segments == ["**"]:
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            for one in inner:
                yield from leaves(one, [])
        elif value not in (None, ""):
            yield value
        return
    head, *rest = segments
    if isinstance(value, dict):
        for key in [head] if head != "*" else list(value):
            if key in value:
                yield from leaves(value[key], rest)
    elif isinstance(value, list) and (head == "*" or head.isdecimal()):
        for one in value if head == "*" else value[int(head) : int(head) + 1]:
            yield from leaves(one, rest)


def at(row: Row, answer: CallToolResult, pattern: str) -> list[Any]:
    segments = [s.replace("~1", "/").replace("~0", "~") for s in pattern.split("/")[1:]]
    return [
        leaf for one in records(row, answer.structured_content) for leaf in leaves(one, segments)
    ]


@pytest.fixture(scope="module")
async def answers(
    gladly: Stack, sidecar: Everything
) -> dict[str, list[tuple[dict[str, Any], Answers]]]:
    """Every call of every row, made once for all tests here."""
    found = {}
    for row in CATALOG.rows:
        calls = [dict(row.examples[0].arguments), *MORE.get(row.tool.name, [])]
        found[row.tool.name] = [
            (one, await called(gladly, sidecar, row.tool.name, one)) for one in calls
        ]
    return found


ROWS = pytest.mark.parametrize("row", CATALOG.rows, ids=lambda row: row.tool.name)


def test_there_is_a_row_for_every_operation_of_gladly():
    assert len(CATALOG.rows) == len(ENDPOINTS) == 80


@ROWS
async def test_a_call_passes_and_its_answer_fits_the_schema_masked_or_not(answers, row):
    validator = Draft202012Validator(row.output_schema)
    for _, made in answers[row.tool.name]:
        for answer in (made.sent, made.seen):
            assert not answer.is_error, text(answer)
            validator.validate(answer.structured_content)
            assert json.loads(text(answer)) == answer.structured_content


@ROWS
async def test_every_value_at_a_path_of_personal_data_is_masked(answers, row):
    for one in row.tool.pii:
        for _, made in answers[row.tool.name]:
            sent, seen = at(row, made.sent, one.pattern), at(row, made.seen, one.pattern)
            if one.entity not in KEPT:
                assert not {str(leaf) for leaf in sent} & {str(leaf) for leaf in seen}, one.pattern


async def test_every_path_of_personal_data_is_hit_by_some_call(answers):
    """Rows of one kind of record name the same paths; a call of any of them will do."""
    named = {one for row in CATALOG.rows for one in row.tool.pii}
    hit = {
        one
        for row in CATALOG.rows
        for one in row.tool.pii
        for _, made in answers[row.tool.name]
        if at(row, made.sent, one.pattern)
    }
    missing = sorted(one.pattern for one in named - hit)
    assert missing == [], missing


@ROWS
async def test_every_rule_of_whose_data_it_is_names_somebody(answers, sidecar, row):
    events = [*logged(sidecar, tool=row.tool.name), *logged(sidecar, "intent", tool=row.tool.name)]
    data = [event.get("data", {}) for event in events]
    told = {(s["kind"], s["id"]) for one in data for s in one.get("subjects", ())}
    for rule in row.tool.subjects:
        expected: set[tuple[str, str]] = set()
        for arguments, made in answers[row.tool.name]:
            if rule.source == "argument":
                found = list(leaves(arguments, rule.pointer.split("/")[1:]))
            else:
                found = at(row, made.sent, rule.pointer)
            expected |= {(rule.kind, str(leaf)) for leaf in found}
        assert expected, f"{rule} is met by no call"
        assert len(told & expected) >= min(len(expected), 500), rule
