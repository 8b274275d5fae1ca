"""Masking a result: content, known values, media, rules and refusals."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from redaction_parts import CUSTOMER, JANE, UNKNOWN, by_entity, structured, text

from sidecar.errors import BackendFailed
from sidecar.model import Mask, PersonalData, Tool
from sidecar.redaction import redact, redact_value
from sidecar.redaction.rules import Rules
from sidecar.redaction.tally import Tally


def test_what_is_kept_by_path_is_counted_once():
    done = redact({"structuredContent": JANE}, CUSTOMER, [by_entity("EMAIL", "keep")])
    assert done.kept == {"EMAIL": 1}


# -- by content


def test_content_is_found_in_every_member_of_a_result():
    result = {
        "content": [
            {"type": "text", "text": "write to jane@example.com"},
            {"type": "resource_link", "uri": "https://x.test/?m=jane@example.com", "name": "x"},
            {"type": "resource", "resource": {"uri": "x:y", "text": "jane@example.com"}},
        ],
        "_meta": {"trace": ["jane@example.com"]},
        "unknown": {"deep": [{"er": "jane@example.com"}]},
    }
    done = redact(result, UNKNOWN, ())
    assert b"jane@" not in orjson.dumps(done.value)
    assert done.masked == {"EMAIL": 5}


def test_numbers_are_read_as_text_and_become_null():
    payload = {"card": 4111111111111111, "n": 4155552671, "phone": 4155552671, "pin": 1234}
    assert structured(payload, tool=UNKNOWN) == {
        "card": None,
        "n": 4155552671,
        "phone": None,
        "pin": None,
    }


def test_a_key_says_what_its_value_is():
    payload = {
        "phones": ["x", "4155552671"],
        "password": "correct horse battery",
        "accessToken": "abc",
        "passwordUpdatedAt": "2026-11-22T10:00:00Z",
        "hasPassword": True,
        "orderNumber": "4155552671",
    }
    assert structured(payload, tool=UNKNOWN) == {
        **payload,
        "phones": ["x", "[PHONE]"],
        "password": "[TOKEN]",
        "accessToken": "[TOKEN]",
    }


def test_object_keys_are_masked_and_stay_apart():
    payload = {"jane@example.com": 1, "joe@example.com": 2, "other": 3}
    assert structured(payload, tool=UNKNOWN) == {"[EMAIL]": 1, "[EMAIL]#2": 2, "other": 3}


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_json_inside_strings_is_masked_and_stays_json(levels):
    value: Any = {"a": "4111\n1111 1111 1111", "b": {"c": "jane\u0040example.com"}, "n": 5}
    for _ in range(levels):
        value = {"inner": orjson.dumps(value).decode()}
    masked: Any = text(orjson.dumps(value).decode())
    for _ in range(levels):
        masked = orjson.loads(masked)["inner"]
    assert orjson.loads(masked) == {"a": "[CARD]", "b": {"c": "[EMAIL]"}, "n": 5}


def test_unicode_escapes_in_json_text_hide_nothing():
    assert text(r'{"a":"jane\u0040example.com"}') == '{"a":"[EMAIL]"}'


def test_overlapping_finds_leave_nothing_between_them():
    assert text("https://jane:pw@example.com/x") == "https://[TOKEN]/x"


def test_handles_of_the_backend_pass_unchanged():
    result = {"nextCursor": "jane@example.com", "requestState": "4111111111111111", "a": "b@c.test"}
    assert redact(result, UNKNOWN, ()).value == {**result, "a": "[EMAIL]"}
    inner = {"structuredContent": {"nextCursor": "jane@example.com"}}
    assert redact(inner, UNKNOWN, ()).value == {"structuredContent": {"nextCursor": "[EMAIL]"}}


def test_a_safe_path_exempts_only_a_safe_shape():
    looks_bad = "sk-ABCDEFGHIJ123456-_x"  # 22 characters, shaped like an id and like a key
    assert structured({"id": looks_bad, "orderId": "jane@example.com"}) == {
        "id": looks_bad,
        "orderId": "[EMAIL]",
    }
    assert structured({"elsewhere": looks_bad}) == {"elsewhere": "[TOKEN]"}


# -- known values


def test_a_value_masked_by_path_is_masked_wherever_the_result_repeats_it():
    result = {
        "content": [{"type": "text", "text": "Hi JANE, does Jane Doe live at 12 long street,"}],
        "structuredContent": {**JANE, "summary": "jane called; 12 Long Street, Springfield"},
    }
    done = redact(result, CUSTOMER, ()).value
    assert done["content"][0]["text"] == "Hi [NAME], does [NAME] live at 12 long street,"
    assert done["structuredContent"]["summary"] == "[NAME] called; [ADDRESS]"


def test_the_sweep_damages_neither_ids_nor_words():
    payload = {
        "name": "Will Price",
        "id": "JanePriceWill_01aBcDeF",
        "note": "he will ask the price; Will wrote, willing",
    }
    masked = structured(payload)
    assert masked["id"] == payload["id"]
    assert masked["note"] == "he will ask the price; [NAME] wrote, willing"


def test_a_name_in_a_script_without_spaces_is_swept():
    assert (
        structured({"name": "田中太郎", "note": "担当は田中太郎さん"})["note"] == "担当は[NAME]さん"
    )


def test_a_kept_name_is_not_swept():
    payload = {"name": "Jane Doe", "note": "Jane called"}
    assert structured(payload, by_entity("NAME", "keep")) == payload


# -- media


def test_pictures_sound_and_files_are_withheld():
    blob = "QUJD" * 10
    result = {
        "content": [
            {"type": "image", "data": blob, "mimeType": "image/png"},
            {"type": "audio", "data": blob, "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "x:y", "blob": blob}},
        ]
    }
    done = redact(result, UNKNOWN, ())
    assert [b["type"] for b in done.value["content"]] == ["text"] * 3
    assert "withheld" in done.value["content"][0]["text"]
    assert done.masked == {"MEDIA": 3}
    kept = redact(result, UNKNOWN, [by_entity("MEDIA", "keep")])
    assert (kept.value, kept.kept) == (result, {"MEDIA": 3})


def test_resources_prompts_and_samples_are_withheld_too():
    picture = {"type": "image", "data": "QUJD", "mimeType": "image/png"}
    value = {
        "contents": [{"uri": "x:y", "blob": "QUJD"}],
        "messages": [{"role": "user", "content": picture}],
    }
    done = redact_value(value, ()).value
    assert b"QUJD" not in orjson.dumps(done)
    assert done["contents"][0]["uri"] == "x:y"


# -- anything else


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("jane@example.com", "[EMAIL]"),
        (4111111111111111, None),
        (None, None),
        (["jane@example.com"], ["[EMAIL]"]),
        ({"error": {"message": "no jane@example.com"}}, {"error": {"message": "no [EMAIL]"}}),
    ],
)
def test_any_value_is_masked_by_content(value, masked):
    assert redact_value(value, ()).value == masked


@pytest.mark.parametrize(
    "result",
    [
        {"structuredContent": JANE, "x": {"jane@example.com": 1, "joe@example.com": 2}},
        {"content": [{"type": "text", "text": "password: hunter2 PIN 1234 +14155552671"}]},
        {"content": [{"type": "image", "data": "QUJD", "mimeType": "image/png"}]},
    ],
)
@pytest.mark.parametrize("action", ["mask", "last4", "drop"])
def test_masking_twice_is_masking_once(result, action):
    masks = [by_entity(e, action) for e in ("EMAIL", "PHONE", "TOKEN", "PIN", "CUSTOM", "NAME")]
    once = redact(result, CUSTOMER, masks).value
    again = redact(once, CUSTOMER, masks)
    assert again.value == once
    assert again.masked == {}


# -- refusals


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        {"a": nested(64)},
        {"a": "x" * 1_000_001},
        {"a": "é" * 500_001},
        {"x" * 1_000_001: 1},
        {"a": 2**64},
        {"a": "\ud800"},
        {"a": "jane@example.com", "content": [{"type": "text", "text": "[" * 70 + "]" * 70}]},
    ],
)
def test_what_cannot_be_scanned_is_refused(value):
    with pytest.raises(BackendFailed) as caught:
        redact(value, CUSTOMER, ())
    assert caught.value.reason == "unscannable"
    assert "jane" not in str(caught.value)


@pytest.mark.thorough
def test_what_is_just_within_bounds_is_scanned():
    assert redact({"a": nested(62)}, CUSTOMER, ()).masked == {}
    assert redact({"a": "x " * 499_990 + "j@x.test"}, UNKNOWN, ()).masked == {"EMAIL": 1}


@pytest.mark.parametrize("left", ["jane@example.com", "4111 1111 1111 1111"])
def test_what_masking_left_blocks_the_result(left):
    tally = Tally(Rules.of(()))
    with pytest.raises(BackendFailed) as caught:
        tally.check_residual(orjson.dumps({"a": left}))
    assert caught.value.reason == "redaction_residual"
    assert left not in str(caught.value)
    tally.exempt.append(left)
    tally.check_residual(orjson.dumps({"a": left}))


def test_kept_media_is_not_searched_for_numbers():
    data = "4111111111111111"
    result = {"content": [{"type": "image", "data": data}], "note": "jane@example.com"}
    done = redact(result, UNKNOWN, [by_entity("MEDIA", "keep")]).value
    assert done == {**result, "note": "[EMAIL]"}


def test_a_value_that_never_settles_is_withheld(monkeypatch):
    monkeypatch.setattr("sidecar.redaction.masking._ROUNDS", 0)
    with pytest.raises(BackendFailed) as caught:
        redact({"a": "jane@example.com"}, UNKNOWN, ())
    assert caught.value.reason == "redaction_residual"


def test_long_but_scannable_lists_of_strings_pass():
    assert redact({"a": ["x" * 600_000] * 2}, UNKNOWN, ()).masked == {}


def test_a_picture_inside_a_tasks_result_is_withheld_too():
    picture = {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"}
    task = {"taskId": "t", "result": {"content": [picture]}}
    shown = redact_value(task, ()).value
    assert shown["result"]["content"][0]["type"] == "text"
    assert shown["taskId"] == "t"


def test_a_contact_field_is_named_after_what_it_holds():
    """An item's `from` is a number in a text message and an address in a mail."""
    tool = Tool("t", is_known=True, pii=(PersonalData("/from", "PHONE"),))
    for value, masked in (("a@example.com", "[EMAIL]"), ("+14155552671", "[PHONE]")):
        shown = redact({"content": [], "structuredContent": {"from": value}}, tool, ())
        assert shown.value["structuredContent"] == {"from": masked}


def test_a_handle_that_is_kept_beside_quotes_of_the_json_blocks_nothing():
    """(ours) Read over the JSON's quotes, `":"@jane.roe` is an address with a quoted local part."""
    tool = Tool("t", pii=(PersonalData("/handle", "EXTERNAL_ID"),))
    masks = (Mask("t", "keep", "m", "EXTERNAL_ID"), Mask("t", "mask", "m", "EMAIL"))
    record = {"handle": "@jane.roe", "text": "write to jane.roe@example.com"}
    done = redact({"structuredContent": record}, tool, masks)
    assert done.value["structuredContent"] == {"handle": "@jane.roe", "text": "write to [EMAIL]"}
