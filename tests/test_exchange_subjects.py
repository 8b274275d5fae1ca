"""Whose data came back, in whatever form a server answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from flow import call, flow, result
from test_audit_event import VALIDATOR

from sidecar.model import Tool
from sidecar.redaction import redact

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

FIND = "list_all_gladly_customers"
ONE, TWO = "OOrlNMXeS72gs_WEX2TtMg", "rVam0PqLTSuGk3xN1bYw7A"
EMAILS = [{"original": "w@example.com"}]
FIRST: dict[str, Any] = {"id": ONE, "name": "Wilhelmina Roe", "emails": EMAILS}
SECOND = FIRST | {"id": TWO}


def dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def text(*texts: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": one} for one in texts]}


BOTH = dumped([FIRST, SECOND])
FORMS = {
    "a list": text(BOTH),
    "under result": text(dumped({"result": [FIRST, SECOND]})),
    "white space before": text("\n " + BOTH),
    "a line before": text("Found 2 customers:\n" + BOTH),
    "a fence": text(f"```json\n{BOTH}\n```"),
    "a record a line": text(dumped(FIRST) + "\n" + dumped(SECOND)),
    "a block of words": text("Found 2:", BOTH),
    "a block a record": text(dumped(FIRST), dumped({"result": SECOND})),
    "quoted": text(dumped(BOTH)),
    "a resource": {"content": [{"type": "resource", "resource": {"uri": "x:y", "text": BOTH}}]},
    "no strict JSON": text(BOTH.replace('"name"', '"x":NaN,"name"')),
    "nothing structured": {"structuredContent": {}, **text(BOTH)},
    "half structured": {"structuredContent": FIRST, **text(dumped(SECOND))},
}


@pytest.mark.parametrize("form", FORMS)
async def test_all_whose_data_came_back_are_told_in_whatever_form_it_came(tmp_path, form):
    async with flow(tmp_path) as f:
        f.backend.reply = result(FORMS[form])
        reply = await f.ask(call(FIND, email="x"))
        assert "Wilhelmina" not in reply.text
        data = f.outcome["data"]
        assert {one["id"] for one in data["subjects"]} == {ONE, TWO}
        assert "subjects_unknown" not in data


@pytest.mark.parametrize(
    "form",
    [
        text("The customer is w@example.com."),
        text("The customer {id: 5} is w@example.com."),
        text(dumped([{"name": "Wilhelmina Roe"}])),
    ],
    ids=["prose", "a note", "no id"],
)
async def test_personal_data_of_which_nothing_tells_whose_it_is_is_told_as_such(tmp_path, form):
    async with flow(tmp_path) as f:
        f.backend.reply = result(form)
        await f.ask(call(FIND, email="x"))
        assert f.outcome["data"]["subjects_unknown"] is True
        assert "subjects" not in f.outcome["data"]
        VALIDATOR.validate(f.outcome)


async def test_an_answer_without_personal_data_is_about_nobody_unknown(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = result(text("Nobody was found."))
        await f.ask(call(FIND, email="x"))
        assert "subjects_unknown" not in f.outcome["data"]


async def test_payloads_are_handed_back_as_they_came_and_only_where_they_are_read():
    tool = Tool("t")
    assert redact(text(BOTH), tool, ()).payloads == ()
    failed = text("It failed. " + dumped(FIRST)) | {"isError": True}
    done = redact(failed, tool, ())
    assert done.payloads == (FIRST,)
    assert "w@example.com" not in repr(done)


async def test_an_error_whose_words_cannot_be_read_as_a_record_passes_where_no_path_asks():
    failed = text(dumped(FIRST) + ' It failed at {"id": !}') | {"isError": True}
    assert redact(failed, Tool("t"), ()).payloads == (FIRST,)
