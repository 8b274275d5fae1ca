"""A vendor's error that is the backend's HTTP answer: told to the model, or kept from it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from flow import JSON, ask, call, flow, modern, result

from sidecar.model import Reply

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

READ = "get_single_gladly_customer_by_id"
PERSON = {"id": "rVamfZHvQuORFnsk-3mNuw", "name": "Mara Lindqvist", "address": "12 Harbor Street"}


def framed(status: int, **members: Any) -> Reply:
    """A platform's envelope as the HTTP answer itself."""
    envelope = {"statusCode": status, "error": "Error", "message": "", **members}
    return Reply(status, (*JSON, ("ratelimit-remaining", "9")), orjson.dumps(envelope))


REMOTE = {"truto_is_remote_error": True, "raw_response": PERSON}


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
async def test_a_vendors_error_answers_the_call_masked_as_its_result(tmp_path, status, era):
    async with flow(tmp_path) as f:
        f.backend.reply = framed(status, **REMOTE)
        body, headers = (call(READ, id="x"), {}) if era == "legacy" else modern(call(READ, id="x"))
        reply = await f.ask(body, headers=headers)
        assert (reply.status_code, reply.json()["id"]) == (200, 1)
        data = reply.json()["error"]["data"]
        assert data["statusCode"] == status
        assert data["raw_response"]["id"] == PERSON["id"]
        assert reply.headers["ratelimit-remaining"] == "9"
        assert "mcp-session-id" not in reply.headers
        assert "Mara" not in reply.text
        assert f.outcome["outcome"]["status"] == "backend_error"


@pytest.mark.parametrize("status", [400, 422])
async def test_the_platforms_own_complaint_about_a_call_is_told_too(tmp_path, status):
    async with flow(tmp_path) as f:
        f.backend.reply = framed(status, message="limit must be a text")
        reply = await f.ask(call(READ, id="x"))
        assert reply.json()["error"]["data"]["message"] == "limit must be a text"


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500, 503])
async def test_what_mcp_gives_a_meaning_is_not_taken_for_the_vendors(tmp_path, status):
    """401 and 403 are about the sidecar's own credential: nothing of that is the caller's."""
    async with flow(tmp_path) as f:
        f.backend.reply = framed(status, message="of the platform")
        reply = await f.ask(call(READ, id="x"))
        assert reply.status_code == 502
        assert "of the platform" not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"statusCode":401,"truto_is_remote_error":true}',
        b'["statusCode",400]',
        b'{"message":"no envelope"}',
        b"{not json",
        b'{"statusCode":400,"raw_response":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"statusCode":400,"raw_response":{"tools":[]}}',
    ],
    ids=["another status", "a list", "no status", "no JSON", "too deep", "tools"],
)
async def test_what_is_no_envelope_is_refused_as_before(tmp_path, body):
    async with flow(tmp_path) as f:
        f.backend.reply = Reply(400, JSON, body)
        assert (await f.ask(call(READ, id="x"))).status_code == 502


@pytest.mark.parametrize("framing", ["result", "error", "http"])
@pytest.mark.parametrize("body", [PERSON, [PERSON]], ids=["a record", "records"])
async def test_a_record_inside_an_error_is_masked_by_its_paths_in_every_framing(
    tmp_path, framing, body
):
    reply = framed(400, truto_is_remote_error=True, raw_response=body)
    if framing == "result":
        block = {"type": "text", "text": reply.body.decode()}
        reply = result({"content": [block], "isError": True})
    elif framing == "error":
        error = {"code": -32000, "message": "no", "data": orjson.loads(reply.body)}
        reply = Reply(200, JSON, orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": error}))
    async with flow(tmp_path) as f:
        f.backend.reply = reply
        shown = await f.ask(call(READ, id="x"))
        assert shown.status_code == 200
        assert PERSON["id"] in shown.text
        assert "Mara" not in shown.text
        assert "Harbor" not in shown.text


async def test_an_envelope_answers_no_other_request(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = framed(400, **REMOTE)
        assert (await f.ask(ask("tools/list"))).status_code == 502
