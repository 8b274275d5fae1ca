"""Numbers in pieces over siblings are masked; what only stands side by side is not."""

from __future__ import annotations

import orjson
import pytest

from sidecar.errors import BackendFailed
from sidecar.model import Mask
from sidecar.redaction import redact_value, scan

CARD, PHONE = "[CARD]", "[PHONE]"
SPLIT = [
    ({"a": "4111 1111", "b": "1111 1111"}, {"a": CARD, "b": CARD}),
    (["4111", "1111", "1111", "1111"], [CARD] * 4),
    (["3782", "822463", "10005"], [CARD] * 3),
    (["+1415", "5552671"], [PHONE] * 2),
    ({"x": "415", "y": "555", "z": "2671"}, {"x": PHONE, "y": PHONE, "z": PHONE}),
    ({"x": "(415)", "y": "5552671"}, {"x": PHONE, "y": PHONE}),
    ([{"t": "4111 1111", "n": 1}, {"t": "1111 1111", "n": 2}], None),
    ({"items": [{"c": {"body": "+49 30"}}, {"c": {"body": "1234567"}}]}, None),
]
WHOLE = [
    ["94107", "52671"],
    {"zip": "94107", "code": "52671"},
    {"orders": ["41111111", "11111111"]},
    {"orderId": "41111111", "next": "11111111"},
    ["4111 1111", "and", "1111 1111"],
    {"a": "4111 1111", "b": {"c": "1111 1111"}},
    ["4111", "1111", "1111", "1112"],
    [4111, 1111, 1111, 1111],
    ["2026", "11", "22"],
    ["1700000000", "1700000100"],
    [],
    {"": "", "a": ""},
]


@pytest.mark.parametrize(("value", "masked"), SPLIT)
def test_pieces_of_one_number_are_masked(value, masked):
    done = redact_value(value, ())
    if masked is not None:
        assert done.value == masked
    assert sum(done.masked.values()) == orjson.dumps(done.value).count(b"[") - orjson.dumps(
        value
    ).count(b"[")
    assert sum(done.masked.values()) > 1


@pytest.mark.parametrize(("value", "masked"), SPLIT)
def test_pieces_of_one_number_are_seen_in_arguments_and_in_json_inside_strings(value, masked):
    assert len(scan(value)) > 1
    assert len(scan({"text": orjson.dumps(value).decode()})) > 1


@pytest.mark.parametrize("value", WHOLE)
def test_numbers_that_only_stand_side_by_side_survive(value):
    assert redact_value(value, ()).value == value
    assert scan(value) == ()


def test_pieces_of_what_a_rule_keeps_are_kept():
    value = ["4111", "1111", "1111", "1111"]
    done = redact_value(value, [Mask("read", "keep", "masks.test", entity="CARD")])
    assert (done.value, done.kept) == (value, {"CARD": 4})


def test_many_pieces_take_no_longer_than_their_number():
    value = {str(n): "12" for n in range(15_000)}
    assert redact_value(value, ()).value == value


@pytest.mark.thorough
def test_too_many_pieces_are_refused_as_anything_is():
    value = ["4111", "1111", "1111", "1111", "-"] * 5_001
    with pytest.raises(BackendFailed) as refusal:
        redact_value(value, ())
    assert refusal.value.reason == "unscannable"
