"""Seeing personal data in arguments, and keeping it out of logs and records."""

from __future__ import annotations

import orjson
import pytest

from sidecar.errors import Malformed
from sidecar.model import Finding
from sidecar.redaction import scan, scrub, scrub_value, withhold


def seen(value, pointer=""):
    return [(f.entity, f.pointer, f.length) for f in scan(value, pointer)]


def test_findings_carry_entity_pointer_and_length_and_never_the_value():
    assert scan({"to": [{"a/b": "x jane@example.com"}]}, "/arguments") == (
        Finding("EMAIL", "/arguments/to/0/a~1b", 16),
    )


def test_clean_arguments_have_no_findings():
    assert scan({"id": "Qm9-XyZ_01aBcDeFgHiJkL", "limit": 50, "q": "late order"}) == ()


def test_a_scalar_is_scanned_at_the_pointer_given():
    assert seen("jane@example.com", "/x") == [("EMAIL", "/x", 16)]


def test_a_key_is_reported_at_its_object_and_masked_in_pointers_below():
    assert seen({"m": {"jane@example.com": "+14155552671"}}) == [
        ("EMAIL", "/m", 16),
        ("PHONE", "/m/[EMAIL]", 12),
    ]


def test_json_inside_a_string_is_reported_at_the_string():
    inner = orjson.dumps({"x": orjson.dumps({"card": 4111111111111111}).decode()}).decode()
    assert seen({"body": inner}) == [("CARD", "/body", 16)]


def test_a_repeated_key_in_a_string_hides_nothing():
    assert seen({"body": '{"a":"jane@example.com","a":1}'}) == [("EMAIL", "/body", 16)]


@pytest.mark.parametrize(
    "mask", ["[EMAIL]", "[PHONE:…71]", "[CARD:…1111]", "[CARD:...1111]", "[NAME]#2"]
)
def test_our_own_masks_coming_back_are_found(mask):
    assert seen({"a": f"to {mask}!"}) == [("MASK", "/a", len(mask))]
    assert seen({"a": orjson.dumps([mask]).decode()}) == [("MASK", "/a", len(mask))]
    assert seen({mask: 1}) == [("MASK", "", len(mask))]


def test_a_mask_with_an_escaped_ellipsis_is_found():
    assert seen({"a": r'["[PHONE:\u202671]"]'}) == [("MASK", "/a", 11)]


def test_words_in_brackets_are_no_masks():
    assert seen({"a": "[EMAILS] [x] [PHONE:12]"}) == []


@pytest.mark.parametrize("value", [{"a": "x" * 1_000_001}, {"a": 2**64}, ["\ud800"]])
def test_arguments_that_cannot_be_scanned_are_malformed(value):
    with pytest.raises(Malformed) as caught:
        scan(value)
    assert caught.value.reason == "unscannable"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail jane@example.com", "mail [EMAIL]"),
        ("POST /mcp/3q2-7wAAabcdefghijkl HTTP/1.1", "POST /mcp/[TOKEN] HTTP/1.1"),
        ("https://h/mcp/3q2-7wAAabcdefghijkl?x=1", "https://h/mcp/[TOKEN]?[TOKEN]"),
        ("GET /x?token=a&limit=5&Api-Key=b", "GET /x?token=[TOKEN]&limit=[TOKEN]&Api-Key=[TOKEN]"),
        ("GET /x?%74oken=a", "GET /x?%74oken=[TOKEN]"),
        ("GET /x?%2574oken=a", "GET /x?%2574oken=[TOKEN]"),
        ("Authorization: Custom a b c", "Authorization: [TOKEN]"),
        ("{'authorization': 'x y'}", "{'authorization': '[TOKEN]'}"),
        ("(b'authorization', b'opaque')", "(b'authorization', b'[TOKEN]')"),
        ("pin 1234", "pin [PIN]"),
        ("nothing here", "nothing here"),
        ("bad \ud800 jane@example.com", "bad ? [EMAIL]"),
        ("https://jane:@b.example", "https://[TOKEN]@b.example"),
        ("http://jane@b:8080/", "http://[TOKEN]@b:8080/"),
        ("text/html;charset=utf-8", "text/html;charset=utf-8"),
    ],
)
def test_logs_are_scrubbed(text, clean):
    assert scrub(text) == clean
    assert scrub(clean) == clean


def test_a_huge_log_text_is_cut():
    assert len(scrub("x " * 100_000)) < 70_000


def test_values_for_logs_are_scrubbed_in_keys_strings_numbers_and_objects():
    value = {
        "jane@example.com": 1,
        "joe@example.com": 2,
        "password": "a b",
        "card": 4111111111111111,
        "list": ("jane@example.com", None, True, 5, 1.5),
        "error": ValueError("no jane@example.com"),
    }
    assert scrub_value(value) == {
        "[EMAIL]": 1,
        "[EMAIL]#2": 2,
        "password": "[TOKEN]",
        "card": "[CARD]",
        "list": ["[EMAIL]", None, True, 5, 1.5],
        "error": "no [EMAIL]",
    }


def test_values_nested_without_end_are_scrubbed_to_a_note():
    value: list[object] = []
    value.append(value)
    assert "too deep" in orjson.dumps(scrub_value(value)).decode()


def test_a_record_of_arguments_withholds_findings_and_free_text():
    arguments = {
        "id": "Qm9-XyZ_01aBcDeFgHiJkL",
        "limit": 5,
        "card": 4111111111111111,
        "to": ["jane@example.com"],
        "body": "Dear customer",
        "long": "x" * 65,
        "flag": True,
        "jane@example.com": {"a": "b", "c": "joe@example.com"},
    }
    assert withhold(arguments, scan(arguments)) == {
        "id": "Qm9-XyZ_01aBcDeFgHiJkL",
        "limit": 5,
        "card": {"withheld": "CARD", "length": 16},
        "to": [{"withheld": "EMAIL", "length": 16}],
        "body": {"withheld": "TEXT", "length": 13},
        "long": {"withheld": "TEXT", "length": 65},
        "flag": True,
        "[withheld: 16 characters]": {
            "a": {"withheld": "TEXT", "length": 1},
            "c": {"withheld": "EMAIL", "length": 15},
        },
    }
