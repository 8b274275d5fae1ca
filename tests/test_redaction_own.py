"""Patterns of the operator's own: what they find, wherever it stands, in linear time."""

from __future__ import annotations

import time

import orjson
import pytest
from settings_parts import GOOD, written

from sidecar import app, redaction, settings
from sidecar.model import Mask
from sidecar.redaction import detect
from sidecar.redaction.own import without_anchors


@pytest.fixture(autouse=True)
def own():
    redaction.use([(r"EMP-\d{6}", "CUSTOM"), (r"^loyal-[a-z]+$", "NAME"), (r"\bzz9\b", "CUSTOM")])
    yield
    redaction.use(())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ask EMP-123456 please", "ask [CUSTOM] please"),
        ("问EMP-123456吧", "问[CUSTOM]吧"),
        ("EMP-123456 and EMP-654321", "[CUSTOM] and [CUSTOM]"),
        ("EMP-123456 of jane@example.com", "[CUSTOM] of [EMAIL]"),
        ("loyal-jane", "[NAME]"),
        ("so loyal-jane", "so loyal-jane"),
        ("a zz9 b", "a [CUSTOM] b"),
        ("azz9b", "azz9b"),
        ("EMP-12345", "EMP-12345"),
        ("EMP%2D123456", "[CUSTOM]"),
        ("ＥＭＰ-１２３４５６", "[CUSTOM]"),
    ],
)
def test_an_own_pattern_masks_what_it_matches(text, shown):
    assert redaction.redact_value({"a": [text]}, ()).value == {"a": [shown]}
    inner = orjson.dumps({"b": text}).decode()
    assert (
        redaction.redact_value({"a": inner}, ()).value["a"] == orjson.dumps({"b": shown}).decode()
    )
    assert redaction.scrub(text) == shown


def test_an_own_pattern_sees_a_member_that_a_label_stands_before():
    assert redaction.redact_value({"phone": "loyal-jane"}, ()).value == {"phone": "[NAME]"}


def test_an_own_pattern_sees_keys_numbers_and_characters_that_json_escapes():
    redaction.use([(r"\t\d{8}", "CUSTOM"), (r"7000000\d", "PIN"), ("k_[0-9]", "CUSTOM")])
    value = {"a": "x\t12345678", "n": 70000001, "k_1": 1}
    shown = {"a": "x[CUSTOM]", "n": None, "[CUSTOM]": 1}
    assert redaction.redact_value(value, ()).value == shown


def test_arguments_are_scanned_with_own_patterns():
    (finding,) = redaction.scan({"note": "EMP-123456"})
    assert (finding.entity, finding.pointer, finding.length) == ("CUSTOM", "/note", 10)


def test_rules_decide_about_what_own_patterns_find():
    keep = [Mask("read", "keep", "masks.test", entity="CUSTOM")]
    done = redaction.redact_value({"a": "EMP-123456"}, keep)
    assert (done.value, done.kept) == ({"a": "EMP-123456"}, {"CUSTOM": 1})


def test_an_own_pattern_that_matches_anything_masks_once_and_comes_to_an_end():
    redaction.use([(".+", "CUSTOM")])
    done = redaction.redact_value({"k": "jane@example.com said so", "m": "[NAME]"}, ())
    assert done.value == {"k": "[CUSTOM]", "m": "[NAME]"}


def test_patterns_take_the_place_of_those_before():
    redaction.use([("other", "CUSTOM")])
    assert detect.detect("EMP-123456") == []
    redaction.use(())
    assert detect.detect("other") == []


@pytest.mark.parametrize(
    ("pattern", "loose"),
    [
        (r"^a$", "(?:)a(?:)"),
        (r"\Aa\z", "(?:)a(?:)"),
        (r"\ba\B", "(?:)a(?:)"),
        (r"\^a\$", r"\^a\$"),
        (r"[$^]a[^$]", r"[$^]a[^$]"),
        (r"[]^]$", r"[]^](?:)"),
        (r"[[:^alpha:]$]$", r"[[:^alpha:]$](?:)"),
        (r"[\]^]^", r"[\]^](?:)"),
        (r"\Q^$\E$", r"\Q^$\E(?:)"),
        (r"\\b", r"\\b"),
    ],
)
def test_the_gate_of_a_pattern_has_no_anchors(pattern, loose):
    assert without_anchors(pattern) == loose


def test_a_hostile_pattern_takes_linear_time():
    redaction.use([(r"(a+)+$", "CUSTOM"), (r"(x|xx|x?y)*z", "CUSTOM")])
    begin = time.process_time()
    detect.detect("a" * 20_000 + "!" + "x" * 20_000)
    assert time.process_time() - begin < 5  # a guard against hanging, not a measurement


@pytest.mark.anyio
async def test_the_patterns_of_the_settings_hold_while_the_sidecar_is_open(tmp_path):
    (tmp_path / "secret").write_text("s" * 48 + "\n")
    section = "redaction:\n  patterns:\n    - {name: badge, pattern: 'B-[0-9]+', entity: PIN}\n"
    loaded = settings.load(written(tmp_path, GOOD + section))
    async with app.opened(loaded, app.check(loaded)):
        assert redaction.scrub("B-77 and EMP-123456") == "[PIN] and EMP-123456"
    assert redaction.scrub("B-77") == "B-77"
