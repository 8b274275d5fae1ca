"""What is written down of an exchange: names, subjects, and whose failure it was."""

from __future__ import annotations

import re

import pytest
from flow import call, flow, tool_result
from hypothesis import given
from hypothesis import strategies as st
from test_audit_event import VALIDATOR

from sidecar.errors import OrganDown
from sidecar.exchange import shown_name, subjects
from sidecar.exchange.subjects import shown, shown_merges
from sidecar.model import Head, Reply, Subject, Tool

READ = "list_all_gladly_tasks"


@pytest.mark.anyio
async def test_keys_that_cannot_be_fetched_are_no_refusal_of_a_stranger(tmp_path, monkeypatch):
    async with flow(tmp_path) as f:

        async def unreachable(_: Head) -> None:
            raise OrganDown("no key set could be fetched", reason="keys_unreachable")

        monkeypatch.setattr(f.road._organs.identity, "verify", unreachable)
        for _ in range(3):
            assert (await f.ask(call(READ))).status_code == 503
        await f.road.close()
        assert {e["outcome"]["status"] for e in f.events()} == {"sidecar_error"}
        assert sum(e["outcome"].get("count", 1) for e in f.events()) == 3


@pytest.mark.anyio
async def test_what_is_written_of_every_end_is_as_the_published_schema_says(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"result": []})
        await f.ask(call(READ, customer_id="x"))  # executed
        await f.ask(call("delete_a_gladly_customer_by_id", id="x"), endpoint="read")  # refused
        await f.ask(b"{")  # never judged
        f.backend.reply = Reply(500)
        await f.ask(call(READ, customer_id="x"))  # failed
        await f.road.close()
        assert len(f.events("intent")) == 2
        outcomes = [event["outcome"]["status"] for event in f.events("outcome")]
        assert outcomes == ["ok", "refused", "refused", "backend_error"]
        for event in f.events():
            VALIDATOR.validate(event)


@pytest.mark.anyio
async def test_the_published_schema_lets_an_intent_alone_have_no_status(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"result": []})
        await f.ask(call(READ, customer_id="x"))
        before, after = f.events()
        assert before["outcome"].keys() == {"bytes_in"}
        assert VALIDATOR.is_valid(before)
        del after["outcome"]["status"]
        assert not VALIDATOR.is_valid(after)


@given(text=st.text(max_size=140))
def test_only_what_has_the_form_of_a_name_is_written_down(text):
    shown = shown_name(text)
    is_name = re.fullmatch(r"[A-Za-z0-9_./:$-]{1,128}", text) is not None
    assert shown == (text if is_name else f"[withheld: {len(text)} characters]")


def test_subjects_are_ids_each_once_and_prose_is_withheld():
    rules = (
        Subject("customer", "argument", "/customer_id"),
        Subject("customer", "result", "/customerId"),
        Subject("task", "result", "/task/id"),
    )
    tool = Tool("t", is_known=True, subjects=rules)
    payload = {"result": [{"customerId": "c-1"}, {"customerId": "Jane Roe", "task": {"id": "t"}}]}
    assert subjects(tool, {"customer_id": "c-1"}, [payload]) == [
        {"kind": "customer", "id": "c-1"},
        {"kind": "customer", "id": "[withheld]"},
        {"kind": "task", "id": "t"},
    ]
    assert subjects(tool, {"customer_id": 5}, ["odd"]) == []


CUSTOMER = "OOrlNMXeS72gs_WEX2TtMg"
CONVERSATION = "get_single_gladly_conversation_by_id"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "chosen",
    [
        "4155552671",
        "123-45-6789",
        "4111111111111111",
        "4111-1111-1111-1111---",
        "Jane_Roe-Smith",
        "JANE",
        "2026-01-02T03:04:05Z",
        "c-1",
    ],
)
async def test_an_id_that_a_caller_chose_is_withheld_in_every_event(tmp_path, chosen):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"id": CUSTOMER, "customerId": chosen})
        await f.ask(call(CONVERSATION, id=chosen))
        for event in f.events():
            about = event["data"]["subjects"]
            assert about[0] == {"kind": "conversation", "id": "[withheld]"}
            assert {one["id"] for one in about} == {"[withheld]"}


def test_an_id_that_looks_made_by_a_machine_is_withheld_where_the_scan_found_something():
    met = [{"kind": "customer", "id": CUSTOMER}, {"kind": "task", "id": CUSTOMER}]
    assert shown(met) == met
    assert {one["id"] for one in shown(met, frozenset({CUSTOMER}))} == {"[withheld]"}


def test_a_merge_with_an_id_that_a_caller_chose_makes_nobody_kin():
    other = "rVam0PqLTSuGk3xN1bYw7A"
    merges = [{"from": "Jane_Roe", "to": other}, {"from": CUSTOMER, "to": other}]
    assert shown_merges(merges, frozenset()) == merges[1:]
    assert shown_merges(merges, frozenset({other})) == []


@pytest.mark.anyio
async def test_customers_with_ids_that_are_withheld_still_count_as_many(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"result": []})
        for n in range(3):
            await f.ask(call(READ, customer_id=f"shop-{n}"))
        recent = f.events("intent")[-1]["decision"]["input"]["recent"]
        assert (recent["customers"], recent["new_customers"]) == (2, 1)
