"""A site of the first release, rules and data, decides as it did then.

`site_v1` is such a folder: its rules read every member of the input document of version 1, its data
sets every key that there was. `decisions.jsonl` holds documents and what the library and the site
said of them when that release was made. Neither is ever edited: a release that cannot pass this
needs another version of the document.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.model import Verdict
from sidecar.policy import Bundle, Embedded, Policy, load
from sidecar.policy.comparing.recorded import facts
from sidecar.settings import shipped

FOLDER = Path(__file__).parent / "site_v1"
DECISIONS = [json.loads(line) for line in (FOLDER / "decisions.jsonl").read_text().splitlines()]
RULES = ["access.closed", "access.contractors", "arguments.notes", "masks.strict"]


@pytest.fixture(scope="module")
def site() -> Bundle:
    return load(shipped("policies"), FOLDER)


@pytest.fixture(scope="module")
def engine(site: Bundle) -> Embedded:
    return Embedded(site)


def short(verdict: Verdict) -> dict[str, Any]:
    """What a site relies on: the order and the words of the library's own rules may change."""
    return {
        "allow": verdict.is_allowed,
        "grants": sorted(verdict.grants),
        "denials": sorted(denial.code for denial in verdict.denials),
        "masks": {mask.entity or mask.pointer: mask.action for mask in verdict.masks},
    }


def test_it_loads_without_a_problem(site):
    assert sorted(rule.name for rule in site.site_rules) == RULES


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: str(decision["case"]))
def test_it_decides_as_it_did(engine, decision):
    made = asyncio.run(Policy(engine, 5.0).decide(facts(decision["input"])))
    assert {name: short(v) for name, v in made.verdicts.items()} == decision["verdicts"]


def test_every_rule_of_the_site_speaks_in_one_of_the_decisions():
    said = {
        code
        for decision in DECISIONS
        for verdict in decision["verdicts"].values()
        for code in [*verdict["grants"], *verdict["denials"]]
    }
    assert set(RULES) - said == {"masks.strict"}
    dropped = [v for d in DECISIONS for v in d["verdicts"].values() if v["masks"]["NAME"] == "drop"]
    assert dropped
