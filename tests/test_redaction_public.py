"""Strangers' sentences: recall where the recognisers and the texts have no common author.

What Presidio's own pattern recognisers find in such sentences is the least that must be found. Two
thirds of the telephone numbers stand as their country writes them, with a word beside or without.
"""

from __future__ import annotations

from random import Random

import pytest
import tools
from labelled import public
from labelled.scores import Found, measured

from sidecar.redaction.detect import detect, merged

FLOORS = {"EMAIL": 0.98, "CARD": 0.79, "IBAN": 1.0, "SSN": 1.0, "IP": 1.0, "PHONE": 0.65}


@pytest.mark.thorough
def test_public_sentences_lose_what_presidio_finds_in_them():
    templates = tools.require("presidio-templates")
    scores = measured(
        public.texts(templates, Random(15), 15),
        lambda text: [Found(s.entity, s.start, s.end) for s in merged(detect(text))],
    )
    print(scores.table())
    assert scores.wanted.keys() == FLOORS.keys()
    assert {k: scores.recall(k) for k, floor in FLOORS.items() if scores.recall(k) < floor} == {}
    assert scores.precision >= 0.99, scores.examples
