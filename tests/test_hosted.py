"""In front of a hosted backend: its URL token, its envelopes, its three framings of an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import httpx2
import orjson
import pytest
from flow import call
from gladly_fixtures import text
from hosted import TOKEN, Failure, Framing, Hosted
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from world import Behind, caller, logged, served

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

SHOWN, PHONE = "list_all_gladly_customers", {"phoneNumber": "+14155550198"}
MOVED = {
    "errors": [{
        "attr": "customerId", "code": "moved", "detail": "mara.lindqvist@example.com has moved",
        "meta": {"old": "OOrlNMXeS72gs_WEX2TtMg", "new": "rVamfZHvQuORFnsk-3mNuw"},
    }]
}  # fmt: skip
RATES = {
    "seconds": {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "1"},
    "window": {"ratelimit-limit": "110;w=10", "ratelimit-remaining": "0", "ratelimit-reset": "60"},
    "epoch": {"ratelimit-limit": "10", "ratelimit-reset": "1795346400", "retry-after": "10"},
    "none": {},
}


@pytest.fixture
def hosted() -> Iterator[tuple[Hosted, str]]:
    platform = Hosted()
    with served(platform.app()) as url:
        yield platform, f"{url}/mcp/{TOKEN}"


@asynccontextmanager
async def sidecar(folder: Path, url: str, **backend: Any) -> AsyncIterator[Behind]:
    """A sidecar that has the backend's URL, token and all, from a file."""
    (folder / "url").write_text(url)
    (folder / "url").chmod(0o600)

    class ByFile(Behind):
        def _settings(self, port: int, admin: int) -> dict[str, Any]:
            settings = super()._settings(port, admin)
            del settings["backend"]["url"]
            return settings

    changes = {"url_file": str(folder / "url")} | backend
    async with ByFile(folder, "", backend=changes) as up:
        yield up


async def asked(up: Behind, name: str = SHOWN, **arguments: Any) -> httpx2.Response:
    async with caller(up.bearer("agent")) as http:
        return await http.post(up.url("read-only"), json=call(name, **(arguments or PHONE)))


async def test_the_official_client_works_with_it_through_the_sidecar(tmp_path, hosted):
    platform, url = hosted
    async with (
        sidecar(tmp_path, url) as up,
        caller(up.bearer("agent")) as http,
        Client(streamable_http_client(up.url("read-only"), http_client=http)) as client,
    ):
        assert [tool.name for tool in (await client.list_tools()).tools] == [SHOWN]
        found = await client.call_tool(SHOWN, PHONE)
        (customer,) = orjson.loads(text(found))["result"]
        assert (customer["name"], customer["emails"][0]["original"]) == ("[NAME]", "[EMAIL]")
        for hidden in ("delete_a_gladly_customer_by_id", "gladly_odd_method"):
            with pytest.raises(MCPError, match=f"Unknown tool: {hidden}"):
                await client.call_tool(hidden, {})
        assert [name for name, _ in platform.called] == [SHOWN]


@pytest.mark.parametrize("framing", get_args(Framing))
async def test_an_error_is_masked_in_every_framing_and_keeps_what_a_model_needs(
    tmp_path, hosted, framing
):
    platform, url = hosted
    platform.failure, platform.framing = Failure(400, MOVED), framing
    async with sidecar(tmp_path, url) as up:
        answer = await asked(up)
        assert "mara.lindqvist" not in answer.text
        assert answer.status_code == 200
        assert "rVamfZHvQuORFnsk-3mNuw" in answer.text
        assert "[EMAIL] has moved" in answer.text
        await up.stop_sidecar()
        (outcome,) = logged(up, tool=SHOWN)
        statuses = {"result": "tool_error", "error": "backend_error", "http": "backend_error"}
        assert outcome["outcome"]["status"] == statuses[framing]
        assert "mara.lindqvist" not in up.audit_log.read_text()


@pytest.mark.parametrize("framing", get_args(Framing))
async def test_the_official_client_surfaces_the_cause_of_an_error_in_every_framing(
    tmp_path, hosted, framing
):
    platform, url = hosted
    platform.failure, platform.framing = Failure(404, MOVED), framing
    async with (
        sidecar(tmp_path, url) as up,
        caller(up.bearer("agent")) as http,
        Client(streamable_http_client(up.url("read-only"), http_client=http)) as client,
    ):
        if framing == "result":
            said = text(await client.call_tool(SHOWN, PHONE))
        else:
            with pytest.raises(MCPError) as raised:
                await client.call_tool(SHOWN, PHONE)
            said = str(raised.value.error.data)
    assert "rVamfZHvQuORFnsk-3mNuw" in said
    assert "mara.lindqvist" not in said


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("framing", get_args(Framing))
async def test_a_429_keeps_its_fields_in_every_framing_and_is_recorded_alike(
    tmp_path, hosted, framing, rates
):
    platform, url = hosted
    platform.failure = Failure(429, {"message": "API rate limit exceeded"}, rates)
    platform.framing = framing
    async with sidecar(tmp_path, url) as up:
        answer = await asked(up)
        assert [name for name, _ in platform.called] == [SHOWN]
        if framing == "http":
            assert (answer.status_code, answer.json()) == (429, platform.failure.envelope())
            assert {k: answer.headers[k] for k in rates} == rates
        else:
            assert framed(answer.json(), framing) == platform.failure.envelope()
        await up.stop_sidecar()
        (outcome,) = logged(up, tool=SHOWN)
        assert outcome["outcome"]["status"] == "rate_limited"


def framed(body: dict[str, Any], framing: str) -> Any:
    if framing == "error":
        return body["error"]["data"]
    return orjson.loads(body["result"]["content"][0]["text"])


async def test_behind_its_discovery_tools_the_tool_inside_is_decided(tmp_path, hosted):
    platform, url = hosted
    platform.exposure = "discovery"
    async with sidecar(tmp_path, url, tool_exposure="discovery") as up:
        refused = await asked(
            up, "call_tool", tool_name="delete_a_gladly_customer_by_id", arguments={"id": "x"}
        )
        assert "Unknown tool" in refused.json()["error"]["message"]
        found = await asked(up, "call_tool", tool_name=SHOWN, arguments=PHONE)
        assert "[NAME]" in found.text
        assert [arguments["tool_name"] for _, arguments in platform.called] == [SHOWN]


async def test_the_token_in_its_url_is_nowhere_to_be_seen(tmp_path, hosted, capfd):
    _, url = hosted
    async with sidecar(tmp_path, url.replace(TOKEN, f"{TOKEN}gone")) as up:
        answers = [await asked(up), await asked(up)]
        await up.stop_sidecar()
        seen = up.audit_log.read_text() + capfd.readouterr().err
        seen += "".join(answer.text + str(answer.headers) for answer in answers)
    assert TOKEN not in seen
    assert answers[0].status_code >= 400 or "error" in answers[0].json()
