"""Invariant 4 beside the log: refusals, errors, metrics and traces repeat nothing personal."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import orjson
import pytest
import yaml
from flow import CATALOG, JSON, ask, call, flow, modern, result, stream, token, tool_result

from sidecar import admin, trace
from sidecar.catalog import Pins, Reviewed
from sidecar.errors import BackendFailed
from sidecar.metrics import Metrics, Sources
from sidecar.model import Reply
from sidecar.pipeline import Survey, Surveys
from sidecar.redaction import Redactor

pytestmark = pytest.mark.anyio

JANE: dict[str, Any] = {
    "id": "OOrlNMXeS72gs_WEX2TtMg",
    "name": "Jane Roe",
    "emails": [{"original": "jane.roe@example.com"}],
    "phones": [{"original": "+14155552671"}],
    "address": "12 Harbor Street, Oakland",
}
CANARIES = ("Jane Roe", "jane.roe@example.com", "+14155552671", "Harbor Street", "4111 1111 1111")
SAID = "Jane Roe jane.roe@example.com +14155552671 12 Harbor Street 4111 1111 1111 1111"
FOUND = "jane.roe@example.com +14155552671 4111 1111 1111 1111"
"""What content alone shows to be personal: in a tool's name there is nothing else to go by."""
REFUSALS: dict[str, tuple[Any, dict[str, str]]] = {
    "a tool's name": (call(FOUND), {}),
    "a method": (ask(SAID), {}),
    "an argument": (call("get_single_gladly_customer_by_id", id=SAID), {}),
    "what is no JSON": (SAID.encode(), {}),
    "a session": (ask("tools/list"), {"mcp-session-id": SAID}),
    "a type": (ask("tools/list"), {"content-type": SAID}),
    "an origin": (ask("tools/list"), {"origin": SAID}),
    "a mirrored header": (modern(call("x"))[0], modern(call("x"))[1] | {"mcp-name": SAID}),
    "a bad token": (ask("tools/list"), {"authorization": f"Bearer {SAID}"}),
}
FAILURES: dict[str, Reply | Exception] = {
    "exception": BackendFailed(SAID),
    "page": Reply(500, (("content-type", "text/html"),), SAID.encode()),
    "no JSON": Reply(200, JSON, SAID.encode()),
    "another's answer": result({"content": [{"type": "text", "text": SAID}]}, SAID),
    "broken stream": stream(b"data: {" + SAID.encode() + b"}\n\n"),
}


def leaked(text: str, *secrets: str) -> list[str]:
    return [secret for secret in (*CANARIES, *secrets) if secret in text]


@pytest.mark.parametrize("what", REFUSALS)
async def test_invariant_4_no_refusal_repeats_what_is_personal(tmp_path, what):
    body, headers = REFUSALS[what]
    async with flow(tmp_path) as f:
        bearer = token(subject="jane.roe@example.com")
        reply = await f.ask(body, bearer=bearer, headers=headers)
        assert f.backend.sent == []
        said = reply.json()
        assert "error" in said or said["result"]["isError"]
        assert leaked(f"{reply.text} {reply.headers}", bearer, *f.tokens.values()) == []


@pytest.mark.parametrize("what", FAILURES)
async def test_invariant_4_no_error_of_ours_repeats_what_a_backend_said(tmp_path, what):
    async with flow(tmp_path) as f:
        f.backend.reply, bearer = FAILURES[what], token()
        asked = call("get_single_gladly_customer_by_id", id=JANE["id"])
        reply = await f.ask(asked, bearer=bearer)
        assert len(f.backend.sent) == 1
        assert "-32603" in reply.text
        assert leaked(f"{reply.text} {reply.headers}", bearer, *f.tokens.values()) == []


async def test_invariant_4_no_metric_names_a_tool_a_caller_or_a_customer(tmp_path):
    reviewed = Reviewed(CATALOG, Pins.of([{"name": "list_all_gladly_tasks"}]))
    reviewed.see([{"name": SAID, "description": SAID}])
    async with flow(tmp_path, tools=reviewed) as f:
        bearer = token(subject="jane.roe@example.com")
        await f.ask(call(SAID), bearer=bearer)
        survey = Survey(f.backend, reviewed, f.writer, 60.0, 60.0)
        metrics = Metrics(f.counts, Sources(drift=lambda: reviewed.drift))
        looked_at = admin.application(
            f.writer, reviewed, Surveys({"": survey}), metrics, Redactor()
        )
        transport = httpx2.ASGITransport(looked_at)
        async with httpx2.AsyncClient(transport=transport, base_url="http://admin") as http:
            told = [(await http.get(path)).text for path in ("/metrics", "/readyz", "/livez")]
        assert 'sidecar_tools_drifted{how="added"} 1.0' in told[0]
        assert "1 added" in told[1]
        assert leaked(" ".join(told), bearer, "list_all_gladly", *f.tokens.values()) == []


@pytest.mark.parametrize(
    ("name", "arguments", "last"),
    [
        ("list_all_gladly_customers", {"email": JANE["emails"][0]["original"]}, "10recordoutcome"),
        ("create_a_gladly_task", {"body": SAID}, "7refused"),
        (FOUND, {FOUND: SAID}, "7refused"),
    ],
    ids=["read", "refused arguments", "unknown"],
)
def test_invariant_4_no_trace_shows_what_is_personal(tmp_path, name, arguments, last):
    secret = "session=0123456789abcdef0123456789abcdef"
    recording = {
        "note": FOUND,
        "endpoint": {"name": "all", "methods": ["read", "write"]},
        "caller": {"subject": "jane.roe@example.com"},
        "request": {
            "headers": {"x-custom": SAID, "cookie": secret},
            "body": call(name, **arguments),
        },
        "reply": {"body": orjson.loads(tool_result({"result": [JANE]}).body)},
    }
    file = tmp_path / "recording.yaml"
    file.write_text(yaml.safe_dump(recording))
    shown = re.sub(r"\s", "", trace.walk(file))
    assert last in shown
    assert leaked(shown, *(re.sub(r"\s", "", one) for one in (*CANARIES, secret))) == []
