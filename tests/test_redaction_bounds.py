"""Results and arguments made to take long: masked coarsely or refused, and never let through."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import BackendFailed, Malformed
from sidecar.model import Finding, Mask, PersonalData, Tool
from sidecar.redaction import detect, known, leaves, masking, recogniser, redact, redact_value, scan
from sidecar.redaction.known import Known
from sidecar.redaction.plain import plain, readable
from sidecar.redaction.recogniser import Budget, Span

TOOL = Tool("t", pii=(PersonalData("/name", "NAME"), PersonalData("/phone", "PHONE")))
PHONES = [f"+1415555{number:04}" for number in range(3000)]


def customers(count: int) -> list[dict[str, Any]]:
    """Each with a name of its own, which its note repeats."""
    names = ["".join(chr(97 + int(c)) * 2 for c in f"{n:05}").capitalize() for n in range(count)]
    return [
        {
            "id": f"c{n:020}",
            "name": f"{name} Doe{name.lower()}",
            "note": f"called {name} twice " * 4,
        }
        for n, name in enumerate(names)
    ]


def refused(value: Any, tool: Tool = TOOL) -> str:
    with pytest.raises(BackendFailed) as caught:
        redact(value, tool, ())
    assert caught.value.reason == "unscannable"
    return str(caught.value)


@pytest.mark.thorough
def test_thousands_of_names_that_are_repeated_are_masked_in_seconds():
    records = customers(3000)
    start = time.process_time()
    done = redact({"structuredContent": {"result": records}}, TOOL, ())
    assert time.process_time() - start < 5
    assert done.masked == {"NAME": 3000 * 5}
    notes = {record["note"] for record in done.value["structuredContent"]["result"]}
    assert notes == {"called [NAME] twice " * 4}


def test_more_names_than_can_be_looked_for_are_refused(monkeypatch):
    monkeypatch.setattr(known, "MAX_LIVE", 200)
    assert redact({"structuredContent": customers(99)}, TOOL, ()).masked["NAME"] == 99 * 5
    assert "more than 200 names" in refused({"structuredContent": customers(101)})


def test_names_that_nothing_repeats_are_not_counted(monkeypatch):
    monkeypatch.setattr(known, "MAX_LIVE", 0)
    silent = [{**record, "note": "-"} for record in customers(50)]
    assert redact({"structuredContent": silent}, TOOL, ()).masked == {"NAME": 50}


def test_names_repeated_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(known, "MAX_COMPARED", 10_000)
    record = {"name": "Jane Roe", "note": "Jane " * 500}
    assert "too often" in refused({"structuredContent": record})


words = st.sampled_from(["jane", "Roe", "JANE ROE", "田中", "太郎", "José", "12", "+1 4", "_", "x"])
phrases = st.lists(words | st.sampled_from([" ", "-", "."]), max_size=6).map("".join)


@given(st.lists(phrases, max_size=5), st.lists(phrases, max_size=8).map(" ".join))
def test_names_are_found_as_one_by_one_they_would_be(raws, text):
    kept = Known()
    for raw in raws:
        kept.add("ADDRESS", "mask", raw)
    low = known.folded(text)
    slow = {
        (start, start + len(value))
        for value in (known.folded(raw.strip()) for raw in raws)
        if len(value) >= 4 and any(c.isalnum() for c in value)
        for start in range(len(low))
        if low.startswith(value, start)
        and (not value.isascii() or known._is_whole(low, start, start + len(value)))
    }
    found = kept.spans(text) if kept.is_in(text.encode()) else []
    assert {(s.start, s.end) for s in found} == slow


@pytest.mark.thorough
def test_too_large_a_result_is_refused_and_one_just_as_large_is_not():
    text = "x " * 400_000
    fitting = {"a": [text] * 4 + ["x" * (leaves.MAX_RESULT - 4 * 800_003 - 10)]}
    assert redact(fitting, TOOL, ()).value == fitting
    larger = {"a": [*fitting["a"][:4], fitting["a"][4] + "x"]}
    assert f"larger than {leaves.MAX_RESULT} bytes" in refused(larger)
    with pytest.raises(BackendFailed):
        redact_value(larger, ())


def test_too_large_arguments_are_refused_before_anything_is_looked_at(monkeypatch):
    monkeypatch.delattr(detect, "is_suspect")
    with pytest.raises(Malformed) as caught:
        scan({"a": ["x" * 600_000] * 2})
    assert caught.value.reason == "unscannable"
    assert str(leaves.MAX_ARGUMENTS) in str(caught.value)


def test_more_places_than_can_be_looked_at_are_refused(monkeypatch):
    monkeypatch.setattr(leaves, "MAX_HITS", 9)
    assert redact({"a": ["jane@x.test"] * 9}, TOOL, ()).masked == {"EMAIL": 9}
    refused({"a": ["jane@x.test"] * 10})
    refused({"a": ['["jane@x.test"]'] * 5})
    assert len(scan({"a": ["jane@x.test"] * 9})) == 9
    with pytest.raises(Malformed):
        scan({"a": ["jane@x.test"] * 10})


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("entity", "text"),
    [
        ("PHONE", " ".join(f"+1415555{n:04}" for n in range(10_000))),
        ("PHONE", " ".join(f"+1999{n:07}" for n in range(11_000))),
        ("PHONE", " ".join(f"tel {n:09}" for n in range(5_000))),
        ("CARD", " ".join(f"4111 1111 {n:04} 1112" for n in range(10_000))),
        ("EMAIL", " ".join(f"j{n}@x.test" for n in range(11_000))),
        ("PIN", " ".join(f"pin {n:05}" for n in range(11_000))),
        ("TOKEN", " ".join(f"password={n}abc" for n in range(11_000))),
    ],
    ids=["phones", "no phones", "words", "cards", "addresses", "pins", "passwords"],
)
def test_a_text_of_too_many_candidates_is_masked_whole_and_is_one_finding(entity, text):
    done = redact({"a": text, "b": "fine"}, TOOL, ())
    assert done.value["b"] == "fine"
    assert done.value["a"] == f"[{entity}]"
    assert Finding(entity, "/a", len(text)) in scan({"a": text})
    assert len(scan({"a": text})) <= 5


def test_leaves_share_one_budget_and_what_no_gate_hits_stays(monkeypatch):
    monkeypatch.setattr(recogniser.Budget.__init__, "__defaults__", (20,))
    value = {"a": [f"call {phone} today" for phone in PHONES[:40]], "b": "see you today"}
    shown = redact(value, TOOL, ()).value
    assert shown["b"] == value["b"]
    assert shown["a"][0] == "call [PHONE] today"
    assert shown["a"][-1] == "[PHONE]"
    assert set(shown["a"]) == {"call [PHONE] today", "[PHONE]"}


def test_no_digits_are_shown_of_a_text_that_was_masked_whole(monkeypatch):
    monkeypatch.setattr(recogniser.Budget.__init__, "__defaults__", (0,))
    last = Mask("t", "last4", "c.d", "PHONE")
    assert redact({"a": "from +14155552671"}, TOOL, [last]).value == {"a": "[PHONE]"}


def test_a_kept_text_that_was_not_verified_keeps_no_known_name(monkeypatch):
    monkeypatch.setattr(recogniser.Budget.__init__, "__defaults__", (0,))
    keep = Mask("t", "keep", "c.d", "PHONE")
    value = {"name": "Jane Roe", "note": "Jane has +14155552671"}
    shown = redact({"structuredContent": value}, TOOL, [keep]).value["structuredContent"]
    assert shown == {"name": "[NAME]", "note": "[NAME] has +14155552671"}


def test_what_was_found_exactly_is_masked_beside_what_was_not_verified():
    text = "a@x.test +14155552671"
    assert detect.detect(text, "", Budget(1)) == [
        Span("PHONE", 0, len(text), is_whole=True),
        Span("EMAIL", 0, 8),
    ]


def test_of_too_many_masks_coming_back_one_finding_speaks():
    text = "[EMAIL] " * 2001
    assert scan({"a": text}) == (Finding("MASK", "/a", len(text)),)


def test_a_long_text_is_looked_at_like_a_short_one():
    text = "nothing " * 2_000 + "jane@example.com, pin 1234"
    assert [s.entity for s in detect.detect(text)] == ["EMAIL", "PIN"]


def test_a_key_that_is_no_name_is_told_by_its_length_in_pointers():
    key = "k" * 300
    assert scan({key: {"a": "jane@x.test"}}) == (
        Finding("EMAIL", "/[withheld: 300 characters]/a", 11),
    )


def test_a_result_in_which_too_much_is_left_is_refused(monkeypatch):
    monkeypatch.setattr("sidecar.redaction.tally._MOST_LEFT", 1)
    cursor = "a@x.test b@x.test"
    with pytest.raises(BackendFailed) as caught:
        redact({"nextCursor": cursor, "c": "c@x.test"}, TOOL, ())
    assert caught.value.reason == "redaction_residual"
    assert masking.redact({"nextCursor": "a@x.test", "c": "c@x.test"}, TOOL, ()).masked


@given(st.text(alphabet='１2é\u200b田\\nrtx \u00a0"', max_size=30))
def test_the_plain_text_and_its_places_agree(text):
    shown, places = plain(text)
    assert shown == readable(text)
    assert len(places) == len(shown) + 1
    assert list(places) == sorted(places)
    same = [shown[i] == text[at] for i, at in enumerate(places[:-1]) if text[at] in "2x"]
    assert all(same)


def test_one_endless_number_is_looked_at_once():
    text = "4" * 200_000
    begin = time.process_time()
    assert detect.detect(f"{text}, 4111 1111 1111 1111.")[-1].entity == "CARD"
    assert time.process_time() - begin < 5  # a guard: once it was looked at from each of its ends


def test_runs_past_the_budget_are_taken_whole():
    run = base64.b64encode(b"nothing to see here").decode()
    found = detect.detect(" ".join([run] * 5), budget=Budget(3))
    assert found
    assert all(span.is_whole for span in found)
    assert {"EMAIL", "CARD", "TOKEN"} <= {span.entity for span in found}
