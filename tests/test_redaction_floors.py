"""Floors of detection, measured on a labelled corpus of ours; `-rP` prints the tables.

The corpus and the recognisers have one author, so the floors say what must not get worse; how
strangers' texts fare is measured in `test_redaction_public.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

import pytest
from labelled.disguises import DISGUISES
from labelled.scores import Found, Scores, measured, table
from labelled.texts import CLEAN, Label, Text, records, split_documents, texts
from labelled.values import MAKERS

from sidecar.redaction import redact_value, scan
from sidecar.redaction.detect import detect, merged

TEXTS = 8_000
EACH = 50
"""Values of each kind in each disguise."""
FLOORS = {"EMAIL": 0.99, "PHONE": 0.95}
"""Of recall; every other kind is found always."""
WHOLE = ("full-width", "math", "zero-width", "all percent", "base64", "base64 json", "hex")
"""Disguises of every character; those of some turn an order's number into a telephone's."""

pytestmark = pytest.mark.thorough


def hits(text: str) -> list[Found]:
    return [Found(s.entity, s.start, s.end) for s in merged(detect(text))]


@pytest.fixture(scope="module")
def scores() -> Scores:
    """One measurement for all floors."""
    return measured(texts(Random(20261128), TEXTS), hits)


def test_hits_are_personal_data_and_lookalikes_survive(scores):
    print(scores.table(), *scores.examples, sep="\n")
    assert scores.spared.total() >= 8_000
    assert scores.precision >= 0.99
    assert scores.damage <= 0.002


@pytest.mark.parametrize("kind", sorted({k for k in MAKERS if k != "NATIONAL"}))
def test_values_of_every_kind_are_found(scores, kind):
    assert scores.wanted[kind] >= 100
    assert scores.recall(kind) >= FLOORS.get(kind, 1.0), scores.examples


def test_almost_every_value_is_found_as_what_it_is(scores):
    assert scores.misnamed.total() <= 0.01 * scores.wanted.total()


def disguised(
    kinds: str, disguise: Callable[[str, Random], str], rng: Random
) -> list[tuple[str, Text]]:
    before, after = "hello, it is ", " , thank you"
    made = []
    for kind in kinds.split() * EACH:
        value = disguise(MAKERS[kind](rng), rng)
        label = Label(kind, len(before), len(before) + len(value))
        made.append((kind, Text(before + value + after, (label,), ())))
    return made


@pytest.mark.parametrize("name", DISGUISES)
def test_values_in_every_disguise_are_found(name):
    kinds, disguise = DISGUISES[name]
    scores = measured((t for _, t in disguised(kinds, disguise, Random(name))), hits)
    print(name, table({kind: scores.recall(kind) for kind in kinds.split()}), sep="\n")
    assert scores.found.total() >= 0.9 * scores.wanted.total(), scores.examples


@pytest.mark.parametrize("name", WHOLE)
def test_lookalikes_in_every_disguise_survive_as_well(name):
    _, disguise = DISGUISES[name]
    rng = Random(name)
    damaged = total = 0
    for text in texts(rng, 1_000, CLEAN):
        for label in text.spared:
            value = text.text[label.start : label.end]
            damaged += bool(detect(disguise(value, rng))) if len(value) > 6 else 0
            total += 1
    assert damaged <= 0.01 * total, f"{damaged} of {total}"


def test_numbers_in_pieces_over_siblings_are_found():
    found = total = 0
    for value, pieces in split_documents(Random(4), 400):
        shown = json.dumps(redact_value(value, ()).value)
        found += not any(f'"{piece}"' in shown for piece in pieces)
        found += len(scan(value)) == len(pieces)
        total += 2
    print(f"split {found / total:.3f}")
    assert found >= 0.8 * total


def test_nothing_in_other_records_is_taken_for_a_piece():
    for record in records(Random(5), 1_500):
        if not record.wanted:
            assert redact_value(record.value, ()).value == record.value


def test_records_lose_what_is_personal_and_nothing_else():
    lost = damaged = wanted = spared = 0
    for record in records(Random(6), 3_000):
        masked = redact_value(record.value, ()).value
        said, shown = masked["content"]["content"], json.dumps(masked, ensure_ascii=False)
        lost += sum(value in said for value in record.wanted)
        damaged += sum(json.dumps(v, ensure_ascii=False) not in shown for v in record.ids)
        damaged += sum(value not in said for value in record.spared)
        wanted += len(record.wanted)
        spared += len(record.ids) + len(record.spared)
    print(f"records: {lost} of {wanted} values left, {damaged} of {spared} look-alikes damaged")
    assert lost <= 0.002 * wanted
    assert damaged <= 0.002 * spared
