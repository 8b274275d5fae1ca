"""Discovery exposure: the tool lies inside `call_tool`, the list inside `search_tools`."""

from __future__ import annotations

import orjson
import pytest
from flow import ask, call, flow, result, tool_list, tool_result

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

READ, WRITE = "list_all_gladly_tasks", "create_a_gladly_task"
FOUND = [{"name": READ, "description": "lists"}, {"name": WRITE}, {"name": "invented"}]


async def test_the_decision_is_about_the_tool_inside(tmp_path):
    async with flow(tmp_path, is_discovery=True) as f:
        f.backend.reply = tool_result({"result": [{"id": "a", "body": "mail jane@example.com"}]})
        inside = {"tool_name": READ, "arguments": {"customer_id": "x"}}
        reply = await f.ask(call("call_tool", **inside), endpoint="read")
        assert reply.json()["result"]["structuredContent"]["result"][0]["body"] == "mail [EMAIL]"
        assert f.outcome["mcp"]["tool"] == READ
        assert f.backend.sent[0][2]["params"] == {"name": "call_tool", "arguments": inside}


@pytest.mark.parametrize("name", [WRITE, "invented", "delete_a_gladly_customer_by_id", "call_tool"])
async def test_invariant_6_a_refused_tool_inside_is_refused_as_if_unknown(tmp_path, name):
    async with flow(tmp_path, is_discovery=True) as f:
        inside = {"tool_name": name, "arguments": {}}
        reply = await f.ask(call("call_tool", **inside), endpoint="read")
        assert reply.json()["error"]["message"] == f"Unknown tool: {name}"
        assert f.backend.sent == []


async def test_arguments_inside_are_scanned(tmp_path):
    async with flow(tmp_path, is_discovery=True) as f:
        inside = {"tool_name": WRITE, "arguments": {"body": "card 4111 1111 1111 1111"}}
        reply = await f.ask(call("call_tool", **inside))
        assert reply.json()["result"]["isError"] is True
        assert f.backend.sent == []


@pytest.mark.parametrize(
    "arguments",
    [{}, {"tool_name": 1}, {"tool_name": READ, "arguments": []}, {"tool": READ}],
)
async def test_a_wrapper_in_another_form_is_refused(tmp_path, arguments):
    async with flow(tmp_path, is_discovery=True) as f:
        reply = await f.ask(call("call_tool", **arguments))
        assert reply.status_code == 400
        assert f.backend.sent == []


@pytest.mark.parametrize("wrapper", ["search_tools", "get_tool_schema"])
@pytest.mark.parametrize("form", [FOUND, {"tools": FOUND, "total": 3}, {"result": FOUND}])
async def test_invariant_6_what_a_search_finds_is_filtered_in_both_copies(tmp_path, wrapper, form):
    async with flow(tmp_path, is_discovery=True) as f:
        f.backend.reply = tool_result(form)
        reply = await f.ask(call(wrapper, query="x"), endpoint="read")
        assert READ in reply.text
        assert WRITE not in reply.text
        assert "invented" not in reply.text
        assert set(f.outcome["decision"]["hidden_tools"]) == {WRITE, "invented"}


@pytest.mark.parametrize(
    "shown",
    [
        {"content": [{"type": "text", "text": f"Use {WRITE}."}]},
        {"content": [{"type": "resource_link", "uri": "a:b", "name": "x"}]},
        {"content": [], "structuredContent": {"tools": [{"title": WRITE}]}},
        {"content": [], "structuredContent": {"tools": FOUND, "result": FOUND}},
        {"content": [], "structuredContent": {"hits": FOUND}},
        {"content": WRITE},
        {"tools": FOUND},
    ],
)
async def test_invariant_6_a_search_result_that_is_not_understood_is_refused(tmp_path, shown):
    async with flow(tmp_path, is_discovery=True) as f:
        f.backend.reply = result(shown)
        reply = await f.ask(call("search_tools", query="x"), endpoint="read")
        assert reply.status_code == 502
        assert WRITE not in reply.text


async def test_words_beside_the_list_do_not_pass(tmp_path):
    async with flow(tmp_path, is_discovery=True) as f:
        f.backend.reply = tool_result({"tools": FOUND, "hint": f"try {WRITE}", "total": 3})
        reply = await f.ask(call("search_tools", query="x"), endpoint="read")
        assert orjson.loads(reply.json()["result"]["content"][0]["text"]).keys() == {
            "tools",
            "total",
        }


async def test_invariant_6_the_wrappers_are_listed_and_hidden_tools_beside_them_are_not(tmp_path):
    async with flow(tmp_path, is_discovery=True) as f:
        f.backend.reply = tool_list("search_tools", "get_tool_schema", "call_tool", WRITE)
        shown = (await f.ask(ask("tools/list"), endpoint="read")).json()["result"]["tools"]
        assert [t["name"] for t in shown] == ["search_tools", "get_tool_schema", "call_tool"]


async def test_without_discovery_the_wrappers_are_unknown_tools(tmp_path):
    async with flow(tmp_path) as f:
        for name in ("call_tool", "search_tools"):
            reply = await f.ask(call(name, tool_name=READ, arguments={}))
            assert reply.json()["error"]["message"] == f"Unknown tool: {name}"
        assert f.backend.sent == []
