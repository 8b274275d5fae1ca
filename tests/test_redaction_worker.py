"""Large results beside the event loop: others go on, too late is withheld, and nothing slips."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flow import Flow, call, event, flow, stream, tool_result
from redaction_parts import UNKNOWN

from sidecar.errors import BackendFailed
from sidecar.redaction import Redactor, masking, redactor, scanning, worker
from sidecar.redaction.redactor import Counts
from sidecar.redaction.worker import Deadline, Late, Worker

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

READ = "list_all_gladly_tasks"
PATIENCE = 20.0
"""Longest wait, in seconds; only a failing test waits that long."""
LARGE = {"result": [{"note": f"Parcel {n} for jane.roe{n}@example.com"} for n in range(2000)]}


class Gate:
    """Holds redaction of large results in its thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.threads: list[str] = []


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made, honest = Gate(), masking.redact_dumped

    def held(value: Any, data: bytes, *rest: Any) -> Any:
        made.threads.append(threading.current_thread().name)
        if len(data) > redactor.INLINE_BYTES:
            made.entered.set()
            assert made.opened.wait(PATIENCE)
        return honest(value, data, *rest)

    monkeypatch.setattr(masking, "redact_dumped", held)
    yield made
    made.opened.set()


async def entered(gate: Gate) -> None:
    async with asyncio.timeout(PATIENCE):
        while not gate.entered.is_set():  # noqa: ASYNC110 - set by a thread, not by the loop
            await asyncio.sleep(0)


async def small(f: Flow) -> None:
    f.backend.reply = tool_result({"note": "jane.roe@example.com"})
    assert "[EMAIL]" in (await f.ask(call(READ, customer_id="x"))).text


async def test_others_are_answered_while_a_large_result_is_masked(tmp_path, gate):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result(LARGE)
        waiting = asyncio.create_task(f.ask(call(READ, customer_id="x")))
        await entered(gate)
        await small(f)
        await small(f)
        assert not waiting.done()
        gate.opened.set()
        shown = (await asyncio.wait_for(waiting, PATIENCE)).json()["result"]
        assert shown["structuredContent"]["result"][1999] == {"note": "Parcel 1999 for [EMAIL]"}
        assert f.redactor.counts == Counts(scanned=3, masked=3)
        assert {name.startswith("sidecar-redaction") for name in gate.threads} == {True, False}


async def test_what_takes_longer_than_the_budget_is_withheld_and_recorded(tmp_path, gate):
    async with flow(tmp_path, redactor=Redactor(timeout=0.05)) as f:
        f.backend.reply = tool_result(LARGE)
        reply = await f.ask(call(READ, customer_id="x"))
        assert reply.json()["error"]["code"] == -32603
        assert "jane" not in reply.text
        assert f.outcome["decision"]["reason"] == "unscannable"
        assert f.redactor.counts == Counts(scanned=1, unscannable=1)


async def test_a_large_event_of_a_stream_is_masked_or_ends_it(tmp_path, gate):
    body = {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": LARGE, "content": []}}
    async with flow(tmp_path) as f:
        f.backend.reply = stream(event(body))
        gate.opened.set()
        assert (await f.ask(call(READ, customer_id="x"))).text.count("[EMAIL]") == 2000
    (tmp_path / "late").mkdir()
    async with flow(tmp_path / "late", redactor=Redactor(timeout=0.05)) as f:
        gate.opened.clear()
        f.backend.reply = stream(event(body))
        reply = await f.ask(call(READ, customer_id="x"))
        assert "-32603" in reply.text
        assert "jane" not in reply.text
        assert f.outcome["decision"]["reason"] == "unscannable"


async def test_a_caller_who_leaves_gets_nothing_and_leaves_no_work_behind(tmp_path, gate):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result(LARGE)
        waiting = asyncio.create_task(f.ask(call(READ, customer_id="x")))
        await entered(gate)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert f.outcome["outcome"]["status"] == "cancelled"
        gate.opened.set()
        f.backend.reply = tool_result(LARGE)  # the thread is free again, for the next in line
        assert (await f.ask(call(READ, customer_id="x"))).status_code == 200


@pytest.mark.thorough
async def test_a_redactor_that_fails_lets_nothing_pass(tmp_path, monkeypatch):
    def broken(*_: Any) -> Any:
        raise RuntimeError("jane.roe@example.com")

    monkeypatch.setattr(masking, "redact_dumped", broken)
    async with flow(tmp_path) as f:
        for value in ({"a": "jane.roe@example.com"}, LARGE):
            f.backend.reply = tool_result(value)
            reply = await f.ask(call(READ, customer_id="x"))
            assert reply.json()["error"]["code"] == -32603
            assert "jane" not in reply.text
    assert b"jane" not in f.log.read_bytes()


async def test_a_small_result_that_takes_long_is_begun_anew_beside_the_loop(monkeypatch):
    monkeypatch.setattr(redactor, "INLINE_SECONDS", -1.0)
    made = Redactor()
    done = await made.redact({"a": "jane@x.test"}, UNKNOWN, ())
    assert done.value == {"a": "[EMAIL]"}
    assert made._worker._thread is not None
    assert made.counts == Counts(scanned=1, masked=1)
    made.close()


async def test_what_is_too_large_to_scan_is_counted():
    made = Redactor()
    with pytest.raises(BackendFailed):
        await made.redact_value(["x" * 999_999] * 5, ())
    assert made.counts == Counts(scanned=1, unscannable=1)


async def test_a_deadline_that_passed_stops_the_work_at_the_next_leaf():
    value = {"a": ["jane@x.test"] * 50}
    passed = Deadline()
    passed.end()
    with pytest.raises(Late):
        masking.redact_dumped(value, orjson.dumps(value), UNKNOWN, (), deadline=passed)
    with pytest.raises(Late):
        worker.TimedBudget(passed).spend()


async def test_who_waited_in_line_too_long_does_no_work():
    made, opened, began = Worker(), threading.Event(), threading.Event()

    def first(_: Deadline) -> bool:
        began.set()
        return opened.wait(PATIENCE)

    holding = asyncio.create_task(made.do(first, PATIENCE))
    async with asyncio.timeout(PATIENCE):
        while not began.is_set():  # noqa: ASYNC110 - set by a thread, not by the loop
            await asyncio.sleep(0)
    did: list[int] = []
    with pytest.raises(Late):
        await made.do(lambda _: did.append(1), 0.01)
    opened.set()
    assert await asyncio.wait_for(holding, PATIENCE)
    assert await made.do(lambda _: gc.isenabled(), PATIENCE) is False
    assert did == []
    assert gc.isenabled()
    made.close()


async def test_large_arguments_are_looked_at_beside_the_loop_too(tmp_path, monkeypatch):
    threads: list[str] = []
    honest = scanning.scan

    def seen(*given: Any) -> Any:
        threads.append(threading.current_thread().name)
        return honest(*given)

    monkeypatch.setattr(scanning, "scan", seen)
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({})
        body = "parcel " * 20_000 + "j@x.test"
        await f.ask(call("create_a_gladly_task", customer_id="x", body=body))
        assert f.events("intent")[0]["data"]["findings_in"] == {"EMAIL": 1}
        assert [name.rpartition("_")[0] for name in threads] == ["sidecar-redaction"]


async def test_arguments_that_take_too_long_to_look_at_are_refused(tmp_path, monkeypatch):
    opened = threading.Event()
    monkeypatch.setattr(scanning, "scan", lambda *_: opened.wait(PATIENCE))
    async with flow(tmp_path, redactor=Redactor(timeout=0.05)) as f:
        reply = await f.ask(call("create_a_gladly_task", customer_id="x", body="x" * 70_000))
        opened.set()
        assert reply.status_code == 400
        assert f.backend.sent == []
        assert f.outcome["decision"]["reason"] == "unscannable"
