"""Patterns of one's own in the settings: checked when they are read, told with their line."""

from __future__ import annotations

import pytest
from settings_parts import CANARY, GOOD, told, written

from sidecar import settings
from sidecar.settings.patterns import Pattern

pytestmark = pytest.mark.thorough


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text("s" * 48 + "\n")
    return tmp_path


def file(folder, *patterns: str):
    lines = "".join(f"    - {pattern}\n" for pattern in patterns)
    return written(folder, f"{GOOD}redaction:\n  patterns:\n{lines}")


def test_patterns_are_read(folder):
    found = settings.load(
        file(
            folder,
            r"{name: employee, pattern: 'EMP-\d{6}'}",
            "{name: badge, pattern: 'B-[0-9]+', entity: EXTERNAL_ID}",
        )
    ).redaction.patterns
    assert found == (
        Pattern(name="employee", pattern=r"EMP-\d{6}", entity="CUSTOM"),
        Pattern(name="badge", pattern="B-[0-9]+", entity="EXTERNAL_ID"),
    )


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (f"(?={CANARY})", "is no pattern of RE2"),
        (f"({CANARY}", "is no pattern of RE2"),
        (r"(a)\1", "is no pattern of RE2"),
        ("(a{1000}){1000}", "is no pattern of RE2"),
        ("a*", "matches where nothing is"),
        ("x?", "matches where nothing is"),
        ("^", "matches where nothing is"),
        (r"\b", "matches where nothing is"),
        ("a|", "matches where nothing is"),
        ("[a-q][^u-z]{500}x", "takes more than 20 ms to search 64 KB of text"),
        ("[a-q].{500}x", "takes more than 20 ms to search 64 KB of text"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told_with_its_line(folder, pattern, what):
    bad = file(folder, "{name: good, pattern: a}", f"{{name: bad, pattern: '{pattern}'}}")
    assert told(bad) == {"sidecar.yaml:16 redaction.patterns[1].pattern": what}


def test_an_entity_must_be_one_that_a_text_can_hold(folder):
    bad = file(
        folder, "{name: a, pattern: a, entity: EMIAL}", "{name: b, pattern: b, entity: IMAGE}"
    )
    assert told(bad) == {
        "sidecar.yaml:15 redaction.patterns[0].entity": "is no entity that a text can hold",
        "sidecar.yaml:16 redaction.patterns[1].entity": "is no entity that a text can hold",
    }


def test_two_patterns_need_two_names(folder):
    bad = file(folder, "{name: a, pattern: a}", "{name: a, pattern: b}")
    assert list(told(bad).values()) == ["has two with the same name"]


@pytest.mark.parametrize(
    "pattern", [r"\\p{L}+-\\d{3}", r"\\w{50,100}@", r"(?i)staff\\s+no[ .:#-]{0,4}\\d{5,9}"]
)
def test_a_pattern_with_a_counted_repetition_that_is_quick_to_search_is_taken(folder, pattern):
    one = file(folder, f'{{name: one, pattern: "{pattern}"}}')
    assert len(settings.load(one).redaction.patterns) == 1
