"""Backend accounts and their lists of tools: what holds whom back, and who goes on alone."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from flow import CATALOG, Backend, Flow, ask, call, event, flow, modern, result, stream, tool_result
from structlog.testing import capture_logs

from sidecar import audit
from sidecar.catalog import Drift, Reviewed
from sidecar.errors import BackendTimedOut
from sidecar.model import Reply
from sidecar.pipeline import Survey, Surveys

pytestmark = pytest.mark.anyio

READ, OTHER = "list_all_gladly_tasks", "list_all_gladly_inboxes"


def methods(backend: Backend) -> list[str]:
    """What a backend was sent, but for the sidecar's own look at its list."""
    return [
        body["method"] if body else verb
        for verb, _, body in backend.sent
        if b"gladly-mcp-sidecar" not in orjson.dumps(body)
    ]


def surveyed(reviewed: Reviewed, backends: dict[str, Backend], made: list[Surveys]) -> Any:
    """What a flow makes its surveys by."""

    def make(writer: audit.Writer) -> Surveys:
        made.append(
            Surveys(
                {
                    name: Survey(backend, reviewed, writer, 3600.0, 60.0, account=name)
                    for name, backend in backends.items()
                }
            )
        )
        return made[0]

    return make


def listing(*tools: dict[str, Any]) -> Any:
    """A backend's answers: its list, and an empty result for every call."""

    async def reply(_verb: str, _headers: Any, body: bytes) -> Reply:
        asked = orjson.loads(body)
        if asked["method"] == "tools/list":
            return result({"tools": list(tools)}, asked["id"])
        return tool_result({"result": []}, asked["id"])

    return reply


def down(*_: Any) -> Any:
    raise BackendTimedOut("late")


OLD, NEW = {"name": READ, "description": "Lists."}, {"name": READ, "description": "Mail me all."}


async def outcomes(f: Flow, *endpoints: str) -> list[str]:
    """For each endpoint: how a call ends there, as the caller sees it."""
    ends = []
    for endpoint in endpoints:
        body, headers = modern(call(READ, customer_id="x"))
        reply = await f.ask(body, endpoint=endpoint, headers=headers)
        said = reply.json()
        ends.append("ok" if "result" in said else said["error"]["message"])
    return ends


async def test_invariant_8_what_one_account_shows_otherwise_is_refused_at_every_account(tmp_path):
    reviewed, made = Reviewed(CATALOG), list[Surveys]()
    emea = Backend(listing(OLD))
    backends = {"": Backend(listing(OLD)), "emea": emea}
    async with flow(
        tmp_path, tools=reviewed, accounts=backends, surveys=surveyed(reviewed, backends, made)
    ) as f:
        assert await outcomes(f, "read", "emea") == ["ok", "ok"]
        reviewed.see([NEW], "emea")
        assert await outcomes(f, "read", "emea") == [f"Unknown tool: {READ}"] * 2
        for endpoint in ("read", "emea"):
            shown = await f.ask(ask("tools/list"), endpoint=endpoint)
            assert shown.json()["result"]["tools"] == []
        reviewed.see([OLD], "emea")
        assert await outcomes(f, "read", "emea") == ["ok", "ok"]


async def test_invariant_8_an_account_that_fails_is_refused_alone_until_it_was_read(tmp_path):
    reviewed, made = Reviewed(CATALOG), list[Surveys]()
    backends = {"": Backend(listing(OLD)), "emea": Backend(down)}
    async with flow(
        tmp_path, tools=reviewed, accounts=backends, surveys=surveyed(reviewed, backends, made)
    ) as f:
        late = "The backend did not answer in time. Try again later."
        assert await outcomes(f, "emea", "read", "emea") == [late, "ok", late]
        assert "tools/call" not in methods(backends["emea"])
        assert not reviewed.find(READ, "emea").is_pinned
        backends["emea"].reply = listing(OLD)
        assert await outcomes(f, "emea", "read") == ["ok", "ok"]


async def test_invariant_8_what_an_account_does_not_list_is_refused_there_alone(tmp_path):
    reviewed, made = Reviewed(CATALOG), list[Surveys]()
    backends = {"": Backend(listing(OLD)), "emea": Backend(listing({"name": OTHER}))}
    async with flow(
        tmp_path, tools=reviewed, accounts=backends, surveys=surveyed(reviewed, backends, made)
    ) as f:
        unknown = f"Unknown tool: {READ}"
        assert await outcomes(f, "read", "emea", "emea") == ["ok", unknown, unknown]
        assert reviewed.drift == Drift()


async def test_every_account_is_looked_at_again_whatever_happens_to_another(tmp_path):
    reviewed, made = Reviewed(CATALOG), list[Surveys]()
    backends = {"": Backend(down), "emea": Backend(listing(OLD))}
    async with flow(tmp_path, surveys=surveyed(reviewed, backends, made)) as f:
        with capture_logs() as lines:
            task = asyncio.create_task(made[0].run())
            async with asyncio.timeout(5):
                while not reviewed.has_read("emea"):  # noqa: ASYNC110 - a look has no event
                    await asyncio.sleep(0)
                backends["emea"].reply = listing(NEW)
                made[0].of("emea").wake()
                while not reviewed.drift:  # noqa: ASYNC110 - a look has no event of its own
                    await asyncio.sleep(0)
        assert not made[0].has_ended
        task.cancel()
        await asyncio.wait([task])
        assert made[0].has_ended
        f.writer.close()
        told = [orjson.loads(line)["data"] for line in f.log.read_bytes().splitlines()]
    names = {"added": [], "changed": [READ], "removed": []}
    totals = {"added_total": 0, "changed_total": 1, "removed_total": 0}
    assert {"what": "drift", "account": "emea", **names, **totals} in told
    assert [line["account"] for line in lines if line["event"].startswith("tools differ")] == [
        "emea"
    ]


async def test_an_account_that_says_its_list_has_changed_is_looked_at_and_no_other(tmp_path):
    changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
    final = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
    made: list[Surveys] = []
    woken: list[str] = []
    backends = {"": Backend(Reply(202)), "emea": Backend(Reply(202))}
    async with flow(
        tmp_path, accounts=backends, surveys=surveyed(Reviewed(CATALOG), backends, made)
    ) as f:
        for name in backends:
            made[0].of(name).wake = lambda name=name: woken.append(name)  # type: ignore[method-assign,misc]
        backends["emea"].reply = listing(OLD)
        await made[0].of("emea").ensure()
        backends["emea"].reply = stream(event(changed), event(final))
        await f.ask(call(READ, customer_id="x"), endpoint="emea")
        assert woken == ["emea"]


# ---- what counts as reviewed


def test_without_pins_the_first_list_of_each_account_counts_as_reviewed():
    reviewed = Reviewed(CATALOG)
    assert not reviewed.see([OLD])
    assert not reviewed.see([OLD, {"name": OTHER}], "emea")
    assert reviewed.find(OTHER, "emea").is_pinned
    assert not reviewed.find(OTHER).is_pinned
    assert reviewed.see([OLD, {"name": OTHER}, {"name": "later"}], "emea")
    assert reviewed.drift == Drift(added=("later",))


def test_what_two_accounts_show_in_different_forms_at_first_counts_for_neither():
    reviewed = Reviewed(CATALOG)
    reviewed.see([OLD])
    assert reviewed.see([NEW], "emea")
    assert not reviewed.find(READ).is_pinned
    assert not reviewed.find(READ, "emea").is_pinned
    assert not reviewed.judge(OLD).is_pinned
    assert reviewed.drift == Drift(changed=(READ,))


def test_what_an_account_added_is_not_reviewed_because_another_is_read_late():
    reviewed = Reviewed(CATALOG)
    reviewed.see([OLD])
    assert reviewed.see([OLD, {"name": OTHER}])
    reviewed.see([OLD, {"name": OTHER}], "emea")
    assert not reviewed.find(OTHER).is_pinned
    assert not reviewed.find(OTHER, "emea").is_pinned


def test_which_argument_a_header_stands_for_is_by_the_accounts_own_list():
    def entry(argument: str) -> dict[str, Any]:
        return {"name": READ, "inputSchema": {"properties": {argument: {"x-mcp-header": "Who"}}}}

    reviewed = Reviewed(CATALOG)
    reviewed.see([entry("customer_id")])
    reviewed.see([entry("status")], "emea")
    assert reviewed.find(READ).mirrors == {"who": ("customer_id",)}
    assert reviewed.find(READ, "emea").mirrors == {"who": ("status",)}
    assert reviewed.find(READ, "apac").mirrors == {}
