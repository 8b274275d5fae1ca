"""`Mcp-Param-*` headers on the road: held against the argument that the backend's schema names."""

from __future__ import annotations

from typing import Any

import pytest
from flow import CATALOG, call, flow, modern, tool_result
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map

from sidecar.catalog import Reviewed
from sidecar.catalog.mirrors import mirrors

pytestmark = pytest.mark.anyio

READ = "list_all_gladly_tasks"
SCHEMA = {
    "type": "object",
    "properties": {
        "customer_id": {"type": "string", "x-mcp-header": "Who"},
        "status": {"type": "string"},
        "page": {"type": "object", "properties": {"size": {"x-mcp-header": "Page-Size"}}},
    },
}


async def sent(folder: Any, tools: Any, headers: dict[str, str], name: str = READ) -> Any:
    body, mirrored = modern(call(name, customer_id="real", status="other"))
    async with flow(folder, tools=tools) as f:
        f.backend.reply = tool_result({"result": []})
        reply = await f.ask(body, headers=mirrored | headers)
        assert bool(f.backend.sent) is (reply.status_code == 200 and "result" in reply.json())
        return reply


def listed(schema: Any) -> Reviewed:
    tools = Reviewed(CATALOG)
    tools.see([{"name": READ, "inputSchema": schema}])
    return tools


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"mcp-param-who": "real"}, 200),
        ({"mcp-param-customer_id": "real", "mcp-param-status": "other"}, 200),
        ({"mcp-param-who": "other"}, 400),
        ({"mcp-param-customer_id": "other"}, 400),
        ({"mcp-param-page-size": "other"}, 400),
        ({"mcp-param-elsewhere": "real"}, 400),
    ],
)
async def test_a_header_is_held_against_the_argument_that_the_listed_schema_names(
    tmp_path, header, status
):
    reply = await sent(tmp_path, listed(SCHEMA), header)
    assert reply.status_code == status
    if status == 400:
        assert reply.json()["error"]["code"] == -32020


async def test_without_a_list_a_header_is_held_against_the_argument_of_its_name(tmp_path):
    assert (await sent(tmp_path, CATALOG, {"mcp-param-status": "other"})).status_code == 200


async def test_a_header_tells_nobody_of_a_hidden_tool(tmp_path):
    reply = await sent(tmp_path, listed(SCHEMA), {"mcp-param-nothing": "x"}, "no_such_tool")
    assert reply.json()["error"]["message"] == "Unknown tool: no_such_tool"


NAMES = st.sampled_from(["Zone", "zone", "Who", "Where"])
SCHEMAS = st.recursive(
    st.fixed_dictionaries({"type": st.just("string")}, optional={"x-mcp-header": NAMES}),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.text("ab", min_size=1), inner)}
    ),
)


@given(SCHEMAS)
def test_a_schema_that_clients_accept_is_read_as_the_official_sdk_reads_it(schema):
    if find_invalid_x_mcp_header(schema) is None:
        theirs = {name.lower(): path for path, name in x_mcp_header_map(schema).items()}
        assert mirrors(schema) == theirs


def test_a_name_that_stands_twice_names_no_argument():
    twice = {"a": {"x-mcp-header": "Zone"}, "b": {"x-mcp-header": "zone"}}
    assert mirrors({"properties": twice}) == {}


@pytest.mark.parametrize("schema", [None, [], {"properties": []}, {"x-mcp-header": "root"}])
def test_what_is_no_schema_names_no_argument(schema):
    assert mirrors(schema) == {}
