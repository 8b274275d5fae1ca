"""The road's own parts: the steps' order, durability by effect, floods, lists, streams."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from flow import (
    CATALOG,
    JSON,
    SSE,
    Flow,
    ask,
    call,
    event,
    flow,
    modern,
    result,
    stream,
    token,
    tool_list,
    tool_result,
)

from sidecar import audit
from sidecar.errors import BackendFailed
from sidecar.model import Event, Head, Reply
from sidecar.pipeline import Durability, Road, floods
from sidecar.pipeline.inspection import MAX_EVENT
from sidecar.pipeline.lists import MAX_TTL_MS

pytestmark = pytest.mark.anyio

READ = "list_all_gladly_tasks"
CREATE = "create_a_gladly_task"
PROGRESS = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
FINAL = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
STEPS = [
    "admit", "verify", "parse", "find", "scan", "decide", "record intent", "forward", "redact",
    "record outcome",
]  # fmt: skip


async def walked(f: Flow, **asked: Any) -> list[str]:
    """The steps that one call of a tool completes."""
    seen: list[str] = []
    f.road._observe = lambda name, _: seen.append(name)
    await f.ask(call(READ, customer_id="x"), **asked)
    return seen


async def test_the_ten_steps_are_walked_in_their_order(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result([])
        assert [name for name, _ in f.road.steps] == STEPS
        assert await walked(f) == STEPS


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        ({"headers": {"host": "evil.example"}}, None),
        ({"bearer": "nonsense"}, "admit"),
        ({"headers": {"mcp-method": "ping"}}, "parse"),
        ({"endpoint": "answers"}, "decide"),
    ],
)
async def test_a_refused_request_stops_at_its_step(tmp_path, asked, last):
    async with flow(tmp_path) as f:
        steps = await walked(f, **asked)
        assert steps == STEPS[: STEPS.index(last) + 1 if last else 0]
        assert f.backend.sent == []


@pytest.mark.parametrize("effect", ["read", "write", "destructive"])
@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize("writes", [False, True])
def test_whether_an_intent_is_synced_depends_on_the_effect(effect, reads, writes):
    tool = next(row.tool for row in CATALOG.rows if row.tool.effect == effect)
    durability = Durability(are_reads_synced=reads, are_writes_synced=writes)
    assert durability.of(tool) is (reads if effect == "read" else writes)
    assert durability.of(None) is reads


@pytest.mark.parametrize(("name", "is_synced"), [(READ, False), (CREATE, True)])
async def test_the_intent_of_a_write_has_reached_the_disk_before_it_leaves(
    tmp_path, monkeypatch, name, is_synced
):
    async with flow(tmp_path) as f:
        synced: list[tuple[str, bool, int]] = []
        record = f.writer.record

        async def noted(made: Any, *, is_synced: bool = False) -> None:
            await record(made, is_synced=is_synced)
            synced.append((made.stage, is_synced, len(f.backend.sent)))

        monkeypatch.setattr(f.writer, "record", noted)
        f.backend.reply = tool_result({"id": "t"})
        await f.ask(call(name, customer_id="x", body="hello"))
        assert synced == [("intent", is_synced, 0), ("outcome", False, 1)]


async def test_pings_and_notifications_leave_one_record_that_may_wait(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = result({})
        await f.ask(ask("ping"))
        assert f.events() == []
        f.backend.reply = Reply(202)
        await f.ask({"jsonrpc": "2.0", "method": "notifications/initialized"})
        f.backend.reply = tool_result([])
        await f.ask(call(READ, customer_id="x"))
        assert [(e["stage"], e["mcp"]["method"]) for e in f.events()] == [
            ("outcome", "ping"),
            ("outcome", "notifications/initialized"),
            ("intent", "tools/call"),
            ("outcome", "tools/call"),
        ]


@pytest.mark.parametrize(
    "method",
    ["initialize", "ping", "server/discover", "logging/setLevel", "subscriptions/listen"],
)
async def test_a_method_that_is_passed_on_leaves_its_outcome(tmp_path, method):
    async with flow(tmp_path) as f:
        f.backend.reply = result({"ok": True})
        assert (await f.ask(ask(method))).json()["result"] == {"ok": True}
        await f.road.close()
        f.writer.close()
        assert f.outcome["mcp"]["method"] == method


# ---- floods


async def refuse(counted: floods.Floods, ip: str) -> None:
    """Refuse one stranger."""
    outcome = {"status": "refused", "http": 404}
    told = Event(audit.event_id(), "outcome", src={"ip": ip}, outcome=outcome)
    await counted.count((ip, "not_found: no such path"), told)


async def test_each_kind_of_refusal_is_written_once_and_then_counted(tmp_path):
    async with flow(tmp_path) as f:
        counted = floods.Floods(f.writer)
        for ip in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1"):
            await refuse(counted, ip)
        assert [e["src"]["ip"] for e in f.events()] == ["10.0.0.1", "10.0.0.2"]
        await counted.flush()
        assert [e["outcome"].get("count") for e in f.events()] == [None, None, 2]
        await counted.flush()
        assert len(f.events()) == 3


async def test_the_count_of_a_window_is_written_when_the_next_one_begins(tmp_path, monkeypatch):
    async with flow(tmp_path) as f:
        now = [1000.0]
        monkeypatch.setattr("sidecar.pipeline.floods.time.monotonic", lambda: now[0])
        counted = floods.Floods(f.writer)
        for _ in range(5):
            await refuse(counted, "10.0.0.1")
        now[0] += 61
        await refuse(counted, "10.0.0.1")
        assert [e["outcome"].get("count") for e in f.events()] == [None, 4, None]


async def test_memory_and_log_are_bounded_whatever_the_number_of_strangers(tmp_path):
    async with flow(tmp_path) as f:
        counted = floods.Floods(f.writer)
        total = floods._MAX_KINDS + 200
        for number in range(total):
            await refuse(counted, str(number))
        assert len(counted._kinds) == floods._MAX_KINDS + 1
        await counted.flush()
        events = f.events()
        assert len(events) == floods._MAX_KINDS + 2
        assert sum(e["outcome"].get("count", 1) for e in events) == total


# ---- lists


@pytest.mark.parametrize(
    ("ttl", "kept"), [(10, 10), (10**9, MAX_TTL_MS), (-1, 0), ("x", 0), (True, 0), (None, 0)]
)
async def test_a_filtered_list_is_private_and_short_lived(tmp_path, ttl, kept):
    async with flow(tmp_path) as f:
        f.backend.reply = result({"tools": [], "ttlMs": ttl, "cacheScope": "public"})
        body, headers = modern(ask("tools/list"))
        said = (await f.ask(body, headers=headers)).json()["result"]
        assert (said["cacheScope"], said["ttlMs"]) == ("private", kept)


async def test_an_older_client_gets_no_member_that_it_does_not_know(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_list(READ)
        said = (await f.ask(ask("tools/list"))).json()["result"]
        assert said.keys() == {"tools"}


@pytest.mark.parametrize("tools", [None, {}, [1], [{}], [{"name": None}], ["x"]])
async def test_a_list_that_cannot_be_judged_is_withheld(tmp_path, tools):
    async with flow(tmp_path) as f:
        f.backend.reply = result({"tools": tools})
        assert (await f.ask(ask("tools/list"))).status_code == 502


async def test_the_cursor_of_a_list_stays_and_its_entries_are_not_rewritten(tmp_path):
    async with flow(tmp_path) as f:
        entry = {"name": READ, "inputSchema": {"type": "object"}, "x-more": [1.5, None]}
        f.backend.reply = result({"tools": [entry, {"name": "odd"}], "nextCursor": "c"})
        said = (await f.ask(ask("tools/list", cursor="b"))).json()["result"]
        assert said == {"tools": [entry], "nextCursor": "c"}
        assert f.backend.sent[0][2]["params"] == {"cursor": "b"}


# ---- whole replies and streams


async def test_a_backends_error_passes_with_its_code_and_without_personal_data(tmp_path):
    async with flow(tmp_path) as f:
        error = {"code": -32050, "message": "no jane.roe@example.com", "data": {"a": [1]}}
        f.backend.reply = Reply(
            200, JSON, orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": error})
        )
        said = (await f.ask(call(READ, customer_id="x"))).json()["error"]
        assert said == error | {"message": "no [EMAIL]"}
        assert f.outcome["outcome"]["status"] == "backend_error"
        assert f.outcome["outcome"]["code"] == -32050


async def test_the_outcome_of_a_stream_is_recorded_before_its_final_event(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(event(PROGRESS), event(FINAL))
        reply = await f.road.handle(*await request(f))
        assert reply.stream is not None
        seen = [len(f.events("outcome")) async for chunk in reply.stream if chunk]
        assert seen == [0, 1]


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([event(PROGRESS)], "stream_cut"),
        ([event(PROGRESS), BackendFailed("gone", reason="stream_idle")], "stream_idle"),
        ([b"data: " + b"x" * (MAX_EVENT + 1)], "event_too_large"),
    ],
    ids=["cut", "silent", "endless event"],
)
async def test_a_stream_that_breaks_ends_in_an_error_for_the_request(tmp_path, chunks, reason):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(*chunks)
        reply = await f.ask(call(READ, customer_id="x"))
        last = orjson.loads(reply.text.strip().split("data: ")[-1])
        assert (last["id"], last["error"]["code"]) == (1, -32603)
        found = f.outcome
        assert found["outcome"]["status"] == "backend_error"
        assert found["decision"]["reason"] == reason


async def test_nothing_after_the_final_event_of_a_stream_passes(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(event(FINAL), event({**FINAL, "result": {"late": True}}))
        assert "late" not in (await f.ask(call(READ, customer_id="x"))).text
        assert f.outcome["outcome"]["status"] == "ok"


async def test_a_listening_stream_that_ends_is_no_failure(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = Reply(200, SSE, stream=stream(event(PROGRESS)).stream)
        reply = await f.ask(b"", verb="GET")
        assert "notifications/progress" in reply.text
        assert f.outcome["outcome"]["status"] == "stream_ended"


async def request(f: Flow) -> tuple[Any, Any]:
    """The head and the body of a call, as the road takes them."""
    raw = orjson.dumps(call(READ, customer_id="x"))
    headers = {
        "host": "localhost",
        "content-type": "application/json",
        "authorization": f"Bearer {token()}",
    }

    async def read_body() -> bytes:
        return raw

    assert isinstance(f.road, Road)
    return Head("POST", f"/mcp/{f.tokens['all']}", tuple(headers.items())), read_body
