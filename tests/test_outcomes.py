"""Invariant 3 by chance: whatever is asked, answered and broken off, each message has one outcome.

A script says what is asked, what the backend does, and how the caller goes. A few at a time walk
the real endpoint and road; then the log is read as a reviewer reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

import orjson
import pytest
from flow import BUNDLE, JSON, SSE, Flow, ask, call, event, flow, modern, result, token, tool_result
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from test_app import Caller, caller
from test_audit_event import VALIDATOR
from test_sessions import SESSION, in_session

from sidecar import audit, policy
from sidecar.endpoint import Endpoint
from sidecar.errors import BackendFailed, BackendTimedOut
from sidecar.model import Reply

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    """Faults are logged with their traceback, and drawing hundreds of these takes minutes."""
    with capture_logs():
        yield


READ = "list_all_gladly_tasks"
RESULT = {"content": [{"type": "text", "text": "write to a.b@example.com"}]}
ASKED: dict[str, Any] = {
    "read": call(READ, customer_id="x"),
    "refused": call("delete_a_gladly_customer_by_id", id="x"),
    "unknown": call("no_such_tool"),
    "arguments": call("create_a_gladly_task", body="4111 1111 1111 1111", customer_id="x"),
    "list": ask("tools/list"),
    "ping": ask("ping"),
    "prompts": ask("prompts/list"),
    "task": ask("tasks/get", taskId="none"),
    "notice": {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}},
    "odd notice": {"jsonrpc": "2.0", "method": "notifications/odd", "params": {}},
    "garbage": None,
}
BODIES: dict[str, Reply | Exception] = {
    "result": tool_result({"result": []}),
    "tool error": result({"content": [], "isError": True}),
    "another's": result({"content": []}, 999),
    "limited": Reply(429, JSON, b"{}"),
    "broken": Reply(500, (), b"boom"),
    "page": Reply(200, (("content-type", "text/html"),), b"<p>"),
    "empty": Reply(202),
    "gone": BackendFailed("gone"),
    "late": BackendTimedOut("late"),
    "fault": ZeroDivisionError(),
}
NOTICE = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
QUESTION = {"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {}}
ERROR = {"code": -32603, "message": "x"}
CHUNKS: dict[str, bytes | Exception] = {
    "notice": event(NOTICE),
    "notice with id": b"id: e-1\r\n" + event(NOTICE),
    "comment": b": ping\n\n",
    "question": event(QUESTION),
    "result": event({"jsonrpc": "2.0", "id": 1, "result": RESULT}),
    "error": event({"jsonrpc": "2.0", "id": 1, "error": ERROR}),
    "another's": event({"jsonrpc": "2.0", "id": 999, "result": RESULT}),
    "half": b"data: {",
    "garbage": b"data: {\n\n",
    "break": BackendFailed("broken off"),
    "fault": ZeroDivisionError(),
}


class Script(NamedTuple):
    """What one caller asks, what the backend does, and how the caller goes.

    `answer` is the name of a body, or those of a stream's chunks. A backend that `hangs` does so
    before its body, or after its chunks, until the caller goes.
    """

    asked: str
    is_modern: bool
    in_session: bool
    is_known: bool
    answer: str | tuple[str, ...]
    hangs: bool
    leaves: str


SCRIPTS = st.builds(
    Script,
    asked=st.sampled_from([*ASKED, "read", "read", "read", "listen"]),
    is_modern=st.booleans(),
    in_session=st.booleans(),
    is_known=st.integers(0, 9).map(bool),
    answer=st.sampled_from(sorted(BODIES))
    | st.lists(st.sampled_from(sorted(CHUNKS)), max_size=4).map(tuple),
    hangs=st.booleans(),
    leaves=st.sampled_from(["never", "cancelled", "disconnect", "after a chunk"]),
)


@cache
def engine() -> policy.Embedded:
    """One for all examples: to load it costs more than a script does."""
    return policy.Embedded(BUNDLE)


PLAYED: ContextVar[Play] = ContextVar("played")
"""The play whose call the backend is to answer: each runs in a task of its own."""


async def answered(*_: object) -> Reply:
    """What the backend does for whoever calls it."""
    return await PLAYED.get().answer()


class Play:
    """One script as it is played."""

    def __init__(self, f: Flow, script: Script) -> None:
        self.script = script
        self.hanging = asyncio.Event()
        self._caller = _caller(f, script)
        self._send = self._caller.send
        self._caller.send = self._sent  # type: ignore[method-assign]  # it goes after a chunk

    async def answer(self) -> Reply:
        """What the backend does for it."""
        answer = self.script.answer
        if isinstance(answer, tuple):
            return Reply(200, SSE, stream=self._chunks(answer))
        await self._hang()
        found = BODIES[answer]
        if isinstance(found, Exception):
            raise found
        return found

    async def _chunks(self, names: tuple[str, ...]) -> AsyncGenerator[bytes, None]:
        for name in names:
            found = CHUNKS[name]
            if isinstance(found, Exception):
                raise found
            yield found
        await self._hang()

    async def _hang(self) -> None:
        if self.script.hangs:
            self.hanging.set()
            await asyncio.Event().wait()

    async def _sent(self, message: dict[str, Any]) -> None:
        await self._send(message)
        if self.script.leaves == "after a chunk" and message.get("body"):
            self._caller.leaves()

    async def run(self, endpoint: Endpoint) -> None:
        """Ask, and go as the script says; whoever waits for nothing more is cancelled."""
        PLAYED.set(self)
        asked = asyncio.create_task(self._caller.run(endpoint))
        if self.script.leaves == "disconnect" and not self.script.hangs:
            self._caller.leaves()
        hanging = asyncio.create_task(self.hanging.wait())
        await asyncio.wait({asked, hanging}, return_when=asyncio.FIRST_COMPLETED)
        hanging.cancel()
        if self.script.leaves == "disconnect":
            self._caller.leaves()
            # A caller of the handshake era may come back for its result, and ends nothing.
            await asyncio.wait({asked}, timeout=0.01)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked


def _caller(f: Flow, script: Script) -> Caller:
    body = ASKED.get(script.asked)
    headers: dict[str, str] = {}
    if script.is_modern and body is not None and "params" in body and "id" in body:
        body, headers = modern(body)
    elif script.in_session:
        headers = dict(SESSION)
    headers["authorization"] = f"Bearer {token() if script.is_known else 'bad'}"
    if script.asked == "listen":
        return caller(f, "GET", **headers)
    return caller(f, **headers).sends(b"{" if body is None else orjson.dumps(body))


def counted(f: Flow) -> int:
    """How many messages the log accounts for; fails where one has no outcome, or two."""
    events = f.events()
    for one in events:
        VALIDATOR.validate(one)
    intents = [one["id"] for one in events if one["stage"] == "intent"]
    outcomes = [one for one in events if one["stage"] == "outcome"]
    ends = Counter(one.get("ref") or one["id"] for one in outcomes)
    assert set(ends.values()) <= {1}
    assert set(intents) <= ends.keys()
    assert {one["ref"] for one in outcomes if "ref" in one} == set(intents)
    found = audit.verify(f.log)
    assert found.is_valid, found.problems
    assert (found.open_intents, found.stray_outcomes) == ((), ())
    return sum(one["outcome"].get("count", 1) for one in outcomes)


@settings(max_examples=80)
@given(scripts=st.lists(SCRIPTS, min_size=1, max_size=5))
async def test_invariant_3_every_message_ends_in_one_outcome_whatever_happens(
    tmp_path_factory, scripts
):
    async with flow(tmp_path_factory.mktemp("outcomes"), engine()) as f:
        await in_session(f)
        endpoint = Endpoint(f.road, 1 << 20, 5.0)
        f.backend.reply = answered
        async with asyncio.TaskGroup() as group:
            for script in scripts:
                group.create_task(Play(f, script).run(endpoint))
        await f.road.close()
        f.writer.close()
        assert counted(f) == len(scripts) + 1
