"""Masking what the catalog or a pointer names: places in a record, and what each action leaves.

Over 300 lines: each place and action has its case.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest
from redaction_parts import CUSTOMER, JANE, UNKNOWN, by_entity, by_pointer, structured, text

from sidecar.model import PersonalData, Tool
from sidecar.redaction import Redacted, redact


@pytest.mark.parametrize("shape", ["object", "list", "result list", "result object"])
def test_paths_are_relative_to_each_record(shape):
    payload: Any = {
        "object": JANE,
        "list": [JANE],
        "result list": {"result": [JANE], "next_cursor": None},
        "result object": {"result": JANE},
    }[shape]
    masked = orjson.dumps(structured(payload)).decode()
    for value in ("Jane", "Long Street", "jane@example.com", "4155552671", "blue", "42"):
        assert value not in masked
    assert "Qm9-XyZ_01aBcDeFgHiJkL" in masked


def test_strings_stay_strings_and_numbers_and_booleans_become_null():
    masked = structured(JANE)
    assert masked["emails"] == [{"original": "[EMAIL]", "primary": True}]
    assert masked["customAttributes"] == {"vip": None, "nested": {"shoe": None, "note": "[CUSTOM]"}}


def test_structured_content_and_its_duplicate_in_text_are_masked_alike():
    payload = {"result": [JANE]}
    result = {
        "content": [{"type": "text", "text": orjson.dumps(payload).decode()}],
        "structuredContent": payload,
        "isError": False,
    }
    done = redact(result, CUSTOMER, ())
    assert orjson.loads(done.value["content"][0]["text"]) == done.value["structuredContent"]
    assert done.masked == {"NAME": 2, "ADDRESS": 2, "EMAIL": 2, "PHONE": 2, "CUSTOM": 6}


def test_what_was_passed_in_is_not_changed():
    result = {"structuredContent": deepcopy(JANE), "x": {"jane@example.com": "4111111111111111"}}
    before = deepcopy(result)
    redact(result, CUSTOMER, ())
    assert result == before


def test_a_clean_result_comes_back_as_it_is():
    result = {"content": [{"type": "text", "text": "{ }"}], "isError": False}
    assert redact(result, UNKNOWN, ()) == Redacted(result)


def test_a_repeated_key_in_json_text_cannot_hide_a_value():
    assert "Jane" not in text('{"name":"Jane Doe","name":null}', tool=CUSTOMER)
    assert "jane@" not in text('{"a":"jane@example.com","a":1}')


def test_findings_point_into_the_masked_value_and_at_the_string_of_embedded_json():
    result = {
        "content": [{"type": "text", "text": '{"emails":[{"original":"jane@example.com"}]}'}],
        "structuredContent": {"result": [{"name": "Jane Doe"}]},
        "jane@example.com": {"a/b": "joe@example.com"},
    }
    found = {(f.entity, f.pointer) for f in redact(result, CUSTOMER, ()).findings}
    assert found == {
        ("NAME", "/structuredContent/result/0/name"),
        ("EMAIL", "/content/0/text"),
        ("EMAIL", "/[EMAIL]/a~1b"),
        ("EMAIL", ""),
    }


# -- rules


@pytest.mark.parametrize(
    ("action", "shown"),
    [("keep", "+14155552671"), ("last4", "[PHONE:…2671]"), ("mask", "[PHONE]"), ("drop", "")],
)
def test_each_action_on_a_path(action, shown):
    masked = structured(JANE, by_entity("PHONE", action))
    assert masked["phones"][0]["original"] == shown


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ("keep", "pay 4111 1111 1111 1111 now"),
        ("last4", "pay [CARD:…1111] now"),
        ("mask", "pay [CARD] now"),
        ("drop", "pay [CARD] now"),
    ],
)
def test_each_action_on_content(action, shown):
    assert text("pay 4111 1111 1111 1111 now", by_entity("CARD", action)) == shown


def test_last4_shows_nothing_of_short_values_and_of_what_is_no_number():
    payload = {"externalCustomerId": "A-1234567", "name": "Jane 1234567890"}
    masks = (by_entity("EXTERNAL_ID", "last4"), by_entity("NAME", "last4"))
    assert structured(payload, *masks) == {"externalCustomerId": "[EXTERNAL_ID]", "name": "[NAME]"}


def test_a_pointer_mask_beats_an_entity_mask():
    masks = (by_entity("EMAIL", "mask"), by_pointer("/emails/*/original", "keep"))
    assert structured(JANE, *masks)["emails"][0]["original"] == "jane@example.com"


def test_a_pointer_mask_reaches_what_the_catalog_does_not_name():
    assert structured({"mood": "sad", "n": 1}, by_pointer("/mood", "mask")) == {
        "mood": "[CUSTOM]",
        "n": 1,
    }


def test_of_several_masks_on_one_entity_the_strictest_holds():
    masks = (by_entity("EMAIL", "keep"), by_entity("EMAIL", "mask"), by_entity("EMAIL", "last4"))
    assert text("jane@example.com", *masks) == "[EMAIL]"


def test_an_entity_that_no_mask_names_is_masked():
    done = redact({"a": "jane@example.com 4111111111111111"}, UNKNOWN, [by_entity("EMAIL", "keep")])
    assert done.value == {"a": "jane@example.com [CARD]"}
    assert (done.masked, done.kept) == ({"CARD": 1}, {"EMAIL": 1})


def test_a_pattern_may_name_an_index_or_any_member_and_escape_a_slash():
    pii = (
        PersonalData("/to/1", "NAME"),
        PersonalData("/by/*/who", "NAME"),
        PersonalData("/a~1b", "NAME"),
    )
    payload = {"to": ["Al", "Bo"], "by": {"x": {"who": "Cy"}}, "a/b": "Di", "c": None}
    assert structured(payload, tool=Tool("t", pii=pii)) == {
        "to": ["Al", "[NAME]"],
        "by": {"x": {"who": "[NAME]"}},
        "a/b": "[NAME]",
        "c": None,
    }


def test_a_leaf_named_by_two_patterns_takes_the_deeper_one_s_entity_and_the_stricter_action():
    tool = Tool("t", pii=(PersonalData("/a/b", "PHONE"), PersonalData("/a/**", "CUSTOM")))
    masks = (by_pointer("/a/b", "keep"), by_pointer("/a", "last4"))
    assert structured({"a": {"b": "+14155552671"}}, *masks, tool=tool) == {
        "a": {"b": "[PHONE:…2671]"}
    }


QUOTED = orjson.dumps(orjson.dumps(JANE).decode()).decode()


@pytest.mark.parametrize(
    "around",
    [
        "Found 1 customer:\n{}",
        "```json\n{}\n```\nThat is all of [them].",
        "{}\n{}\n{}",
        "see [1] and {{x}}: {}, {}",
    ],
)
def test_records_inside_a_text_are_masked_by_path(around):
    record = orjson.dumps(JANE).decode()
    content = [{"type": "text", "text": around.format(*[record] * around.count("{}"))}]
    done = redact({"content": content}, CUSTOMER, ()).value["content"][0]["text"]
    shown = orjson.dumps(structured(JANE)).decode()
    assert done == around.format(*[shown] * around.count("{}"))


def test_records_that_are_quoted_up_to_three_times_more_are_masked_by_path():
    text = QUOTED
    for _ in range(3):
        assert "Jane" in text
        content = [{"type": "text", "text": text}]
        done = redact({"content": content}, CUSTOMER, ()).value["content"][0]["text"]
        assert "Jane" not in done
        assert "Springfield" not in done
        assert "Qm9-XyZ_01aBcDeFgHiJkL" in done
        text = orjson.dumps(text).decode()


@pytest.mark.parametrize(
    "text", ["see [1] and {x}", '"a quoted {word}"', "[" * 5000, "{" * 5000, "[1] [2,"]
)
def test_a_text_that_holds_no_record_stays_as_it_is(text):
    content = [{"type": "text", "text": text}]
    assert redact({"content": content}, CUSTOMER, ()).value["content"][0]["text"] == text


@pytest.mark.parametrize(
    "envelope",
    [
        lambda record: {"data": record},
        lambda record: {"results": [record]},
        lambda record: {"result": {"data": [record]}},
        lambda record: {"data": {"customers": [record]}, "next": None},
        lambda record: [{"data": record}, record],
        lambda record: [[record]],
    ],
)
def test_records_in_an_envelope_that_nobody_knows_are_masked_by_path(envelope):
    assert structured(envelope(JANE)) == envelope(structured(JANE))
    assert text(orjson.dumps(envelope(JANE)).decode(), tool=CUSTOMER) == (
        orjson.dumps(envelope(structured(JANE))).decode()
    )


def test_what_is_below_a_record_is_no_record():
    payload = {"name": "Jane Doe", "inbox": {"name": "Support"}}
    assert structured({"result": [payload]}) == {"result": [payload | {"name": "[NAME]"}]}


def test_a_name_in_capitals_is_masked_wherever_the_catalog_names_no_safe_value():
    tool = Tool("t", pii=(PersonalData("/name", "NAME"),), safe=("/status",))
    payload = {"name": "Johnson", "note": "JOHNSON", "by": "SMITH_JOHNSON", "status": "JOHNSON"}
    shown = {"name": "[NAME]", "note": "[NAME]", "by": "SMITH_JOHNSON", "status": "JOHNSON"}
    assert structured(payload, tool=tool) == shown


@pytest.mark.parametrize(
    ("raw", "done"),
    [
        ("card [EMAIL]#4111111111111111", "card [EMAIL]#[CARD]"),
        ("my pin is [PIN:…4821]", "my pin is [PIN:…[PIN]]"),
        ("paid with [CARD:…1111], [EMAIL]#2", "paid with [CARD:…1111], [EMAIL]#2"),
    ],
)
def test_what_only_resembles_a_mask_is_looked_into(raw, done):
    assert text(raw) == done
