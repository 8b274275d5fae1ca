"""The backend over real sockets, asked by the official client in both eras and by plain HTTP."""

import asyncio
import json
from typing import Any

import pytest
from gladly_fixtures import EMAIL, ERAS, Stack, catalog, listening, stack, text
from jsonschema import Draft202012Validator
from mcp.client.client import Client as McpClient
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, Tool

from sidecar.gladly import backend
from sidecar.gladly.backend import Scope
from sidecar.gladly.client import Answer, Client, UnreachableError
from sidecar.gladly.rest import route

pytestmark = pytest.mark.sockets

ROWS = {row.tool.name: row for row in catalog().rows}


@pytest.fixture(scope="module")
def _running(tmp_path_factory):
    with stack(tmp_path_factory.mktemp("gladly")) as running:
        yield running


@pytest.fixture
def running(_running: Stack) -> Stack:
    _running.world.reset()
    return _running


def ask(url: str, era: str, name: str, arguments: dict[str, Any]) -> CallToolResult:
    async def run() -> CallToolResult:
        async with McpClient(url, mode=era) as client:
            return await client.call_tool(name, arguments)

    return asyncio.run(run())


def calls(world):
    """What Gladly was asked after the credential's check."""
    return [request for request in world.requests if request[1] != "/api/v1/organization"]


def example(name: str) -> dict[str, Any]:
    """The row's first example, which works on the seeded world."""
    return dict(ROWS[name].examples[0].arguments)


@pytest.mark.parametrize("era", ERAS)
def test_the_tools_are_the_catalog_rows_and_nothing_else(running, era):
    async def run() -> list[Tool]:
        async with McpClient(running.url, mode=era) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(run())
    assert [tool.name for tool in tools] == sorted(ROWS)
    for tool in tools:
        row = ROWS[tool.name]
        assert tool.title == row.title
        assert tool.description == row.description
        assert tool.input_schema == row.input_schema
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema == row.output_schema
        assert tool.annotations
        assert tool.annotations.read_only_hint is (row.tool.effect == "read")
        assert tool.annotations.destructive_hint is (row.tool.effect == "destructive")
        assert tool.annotations.idempotent_hint is (route(row).verb != "POST")
        assert tool.annotations.open_world_hint is bool(row.tool.customer_text)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_row_has_a_call_that_passes_and_fits_its_output_schema(running, era, name):
    outcome = ask(running.url, era, name, example(name))
    assert not outcome.is_error, outcome.content
    Draft202012Validator(ROWS[name].output_schema).validate(outcome.structured_content)
    assert json.loads(text(outcome)) == outcome.structured_content
    verb, _ = running.world.requests[-1]
    assert verb == route(ROWS[name]).verb


@pytest.mark.parametrize("era", ERAS)
def test_what_is_outside_of_its_scope_is_not_there(tmp_path, era):
    scope = Scope(methods=frozenset({"list", "get"}), tags=frozenset({"tasks"}))

    async def run(url: str) -> list[str]:
        async with McpClient(url, mode=era) as client:
            listed = [tool.name for tool in (await client.list_tools()).tools]
            for name in ("create_a_gladly_task", "list_all_gladly_agents"):
                with pytest.raises(MCPError, match=f"Unknown tool: {name}"):
                    await client.call_tool(name, example(name))
            return listed

    with stack(tmp_path, scope=scope) as scoped:
        listed = asyncio.run(run(scoped.url))
        assert calls(scoped.world) == []
    assert "list_all_gladly_tasks" in listed
    assert all("tasks" in ROWS[name].tool.tags for name in listed)
    assert {ROWS[name].tool.method for name in listed} <= {"list", "get"}


@pytest.mark.parametrize("era", ERAS)
def test_a_created_task_is_found_by_the_id_that_was_answered(running, era):
    arguments = example("create_a_gladly_task")
    made = ask(running.url, era, "create_a_gladly_task", arguments)
    task = running.world.get("tasks", made.structured_content["id"])
    assert task["body"] == example("create_a_gladly_task")["body"]


@pytest.mark.parametrize("era", ERAS)
def test_a_merged_customer_is_answered_with_the_new_id(running, era):
    old, new = (running.world.id_of(f"customer/{x}") for x in ("before-merge", "merged"))
    outcome = ask(running.url, era, "get_single_gladly_customer_by_id", {"id": old})
    assert outcome.is_error
    assert f"the new id is {new}" in text(outcome)
    again = ask(running.url, era, "get_single_gladly_customer_by_id", {"id": new})
    assert again.structured_content["id"] == new


@pytest.mark.parametrize("era", ERAS)
def test_a_task_for_a_merged_customer_is_not_turned_into_a_read(running, era):
    arguments = example("create_a_gladly_task") | {
        "customer_id": running.world.id_of("customer/before-merge")
    }
    outcome = ask(running.url, era, "create_a_gladly_task", arguments)
    assert running.world.id_of("customer/merged") in text(outcome)
    assert [verb for verb, _ in running.world.requests] == ["POST"]


@pytest.mark.parametrize("era", ERAS)
def test_a_lockout_says_what_must_happen_first(running, era):
    customer = running.world.id_of("customer/delivery")
    outcome = ask(running.url, era, "delete_a_gladly_customer_by_id", {"id": customer})
    assert outcome.is_error
    assert "close any open or waiting conversations" in text(outcome)
    assert running.world.get("customers", customer)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("value", ["", "..", "../agents", "%2e%2e", "a/b", "%2e%2e%2fagents"])
def test_a_hostile_id_never_reaches_gladly(running, era, value):
    for name, argument in (
        ("get_single_gladly_customer_by_id", "id"),
        ("list_all_gladly_conversation_items", "conversation_id"),
        ("delete_a_gladly_customer_by_id", "id"),
    ):
        outcome = ask(running.url, era, name, {argument: value})
        assert outcome.is_error
        assert f"`{argument}`" in text(outcome)
    assert running.world.requests == []


@pytest.mark.parametrize("era", ERAS)
def test_arguments_outside_the_schema_are_told_and_not_sent(running, era):
    outcome = ask(running.url, era, "list_all_gladly_customers", {"phone": "+14155550198"})
    assert outcome.is_error
    assert "`phoneNumber`" in text(outcome)
    assert "4155550198" not in text(outcome)
    assert running.world.requests == []


@pytest.mark.parametrize("era", ERAS)
def test_an_unknown_tool_is_a_protocol_error(running, era):
    async def run() -> int:
        async with McpClient(running.url, mode=era) as client:
            with pytest.raises(MCPError, match="Unknown tool: nothing") as caught:
                await client.call_tool("nothing", {})
            return caught.value.code

    assert asyncio.run(run()) == -32602


def test_the_organisation_is_asked_for_once(tmp_path):
    with stack(tmp_path) as fresh:
        for _ in range(2):
            ask(fresh.url, "auto", "list_all_gladly_public_answers", {})
        asked = [path for _, path in fresh.world.requests]
        assert asked.count("/api/v1/organization") == 1
        assert len(asked) == 3


def test_a_gladly_that_is_away_is_told_and_not_a_crash(tmp_path):
    with stack(tmp_path) as here:
        gone = here.gladly_url
    app = backend.app(Client(gone, EMAIL, tmp_path / "token"), catalog())
    with listening(app) as url:
        outcome = ask(f"{url}/mcp", "auto", "list_all_gladly_agents", {})
        public = ask(f"{url}/mcp", "auto", "list_all_gladly_public_answers", {})
    assert outcome.is_error
    assert "Gladly cannot be reached" in text(outcome)
    assert public.is_error


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null"])
def test_an_organisation_without_an_id_is_an_answer_that_makes_no_sense(body):
    with pytest.raises(UnreachableError, match="organisation"):
        backend._id_in(Answer(200, (), body))
