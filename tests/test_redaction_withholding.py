"""What the record of a decision holds of a call's arguments."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from flow import call, flow
from hypothesis import given
from hypothesis import strategies as st
from test_redaction_properties import values

from sidecar.errors import Malformed
from sidecar.redaction import scan, withhold, withhold_pointer
from sidecar.redaction.marks import has_safe_shape
from sidecar.redaction.withholding import MAX_MEMBERS

pytestmark = pytest.mark.thorough


def text(length: int) -> dict[str, Any]:
    return {"withheld": "TEXT", "length": length}


def test_names_and_addresses_in_short_strings_and_in_keys_are_withheld():
    arguments = {"firstName": "Jane", "lastName": "Roe-Smith", "Jane Roe, 5 Elm Street": 1}
    assert withhold(arguments, scan(arguments)) == {
        "firstName": text(4),
        "lastName": text(9),
        "[withheld: 22 characters]": 1,
    }


@pytest.mark.parametrize(
    "value",
    [
        "Qm9-XyZ_01aBcDeFgHiJkL",
        "0123456789abcdef01234567",
        "123e4567-e89b-12d3-a456-426614174000",
        "2026-11-22T10:00:00Z",
        "CONVERSATION_NOTE",
        50,
        -1,
        1.5,
        True,
        None,
    ],
)
def test_what_a_rule_may_judge_by_stays(value):
    assert withhold({"limit": value}, ()) == {"limit": value}


@pytest.mark.parametrize("value", [4155552671, -1_000_000, 48.137154321, 2**70])
def test_a_long_number_is_withheld(value):
    shown = {"withheld": "NUMBER", "length": len(str(value))}
    assert withhold([value], ()) == [shown]


@pytest.mark.parametrize(
    ("key", "is_kept"),
    [
        ("customerId", True),
        ("custom.attribute-1_x", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("Zoë", False),
        ("415-555-2671", False),
        ("4111111111111111", False),
        ("AKIAABCDEFGHIJKLMNOP", False),
    ],
)
def test_a_key_stays_if_it_is_an_identifier_without_personal_data(key, is_kept):
    shown = key if is_kept else f"[withheld: {len(key)} characters]"
    assert withhold({key: 1}, ()) == {shown: 1}


def test_withheld_keys_of_one_length_stay_apart():
    assert withhold({"a b": 1, "c d": 2}, ()) == {
        "[withheld: 3 characters]": 1,
        "[withheld: 3 characters]#2": 2,
    }


def test_what_is_too_much_for_a_record_is_counted():
    arguments = {"ids": [1] * 150, "more": [2] * 60, "flag": True}
    assert withhold(arguments, ()) == {
        "ids": [1] * 150,
        "more": {"withheld": "MORE", "length": 60},
        "flag": True,
    }
    assert withhold([1] * (MAX_MEMBERS + 1), ()) == {"withheld": "MORE", "length": 201}


def test_below_the_eighth_level_members_are_counted():
    value: Any = [1, 2, 3]
    for _ in range(8):
        value = {"a": value}
    shown = withhold(value, ())
    for _ in range(8):
        shown = shown["a"]
    assert shown == {"withheld": "MORE", "length": 3}


_OURS = re.compile(r"\[withheld: \d+ characters\](?:#\d+)?|[A-Za-z0-9_.-]{1,64}(?:#\d+)?")


def every_string(value: Any) -> tuple[list[str], list[str]]:
    """Keys and other strings of a value, without what we wrote ourselves."""
    if isinstance(value, dict) and value.keys() == {"withheld", "length"}:
        return [], []
    if isinstance(value, dict):
        below = [every_string(child) for child in value.values()]
        return [*value, *(k for ks, _ in below for k in ks)], [t for _, ts in below for t in ts]
    if isinstance(value, list):
        below = [every_string(child) for child in value]
        return [k for ks, _ in below for k in ks], [t for _, ts in below for t in ts]
    return [], [value] if isinstance(value, str) else []


@given(values | st.dictionaries(st.text(max_size=70), values, max_size=5))
def test_no_free_text_and_no_strange_key_comes_through(value):
    try:
        findings = scan(value)
    except Malformed:
        return
    keys, strings = every_string(withhold(value, findings))
    assert all(_OURS.fullmatch(key) for key in keys)
    assert all(has_safe_shape(string) for string in strings)


@given(st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=9), max_leaves=400))
def test_a_record_is_bounded(value):
    assert orjson.dumps(withhold([value] * 90, ())).count(b",") <= 2 * MAX_MEMBERS


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("email", "email"),
        ("Jane Roe/5 Elm Street~", "[withheld: 22 characters]"),
        ("x" * 300, "[withheld: 300 characters]"),
        ("", "[withheld: 0 characters]"),
        ("jane@example.com", "[withheld: 7 characters]"),
    ],
)
def test_the_keys_of_a_pointer_are_withheld_as_those_of_the_record(key, shown):
    (found,) = scan({"of": [{key: {"card": "4111111111111111"}}]})[-1:]
    assert withhold_pointer(found.pointer) == f"/of/0/{shown}/card"
    assert withhold_pointer("") == ""


@pytest.mark.anyio
async def test_a_name_that_is_the_key_of_a_finding_stands_nowhere_in_the_log(tmp_path):
    async with flow(tmp_path) as f:
        name = "Jane Roe-Smith, 12 Long Street"
        await f.ask(call("create_a_gladly_task", **{name: "jane.roe@example.com"}))
        (event, *_) = f.events()
        shown = f"[withheld: {len(name)} characters]"
        assert event["decision"]["input"]["findings"][0]["pointer"] == "/" + shown
        assert shown in event["decision"]["input"]["arguments"]
        assert b"Long Street" not in f.log.read_bytes()
