"""The embedded engine against a real OPA: the same answer to everything, whatever a site adds.

OPA is asked as the sidecar asks a server, with strict built-in errors. No input fails in either.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from engine_parts import put
from opa_parts import opa
from policy_inputs import (
    HOSTILE,
    SITES,
    WHOLE_CONFIG,
    Site,
    from_catalog,
    generated,
    library_keys,
    readable,
)
from rego_parts import POLICIES, RULE_FILES, decide, engine_of, name_of
from test_policies import SCHEMA

from sidecar.policy import Bundle, Embedded, read

BOTH = """package parity

both := {"said": data.sidecar.main.said, "decision": data.sidecar.main.decision}
"""
IN_TEST, IN_NIGHTLY, BATCH = 2_000, 50_000, 2_500

Answer = dict[str, Any]


def bundle_of(site: Site) -> Bundle:
    """As the sidecar reads it, but with nothing refused."""
    library = read([POLICIES])
    data = {**library.data, **({"site": site.data} if site.data else {})}
    return replace(library, modules=(*library.modules, *site.modules.items()), data=data)


def ours(site: Site, inputs: Sequence[Any]) -> list[Answer]:
    """What the engine of the sidecar says, and what `decision` is in it."""
    engine, whole = Embedded(bundle_of(site), is_tried=True), engine_of(site.modules, site.data)

    async def answers() -> list[Answer]:
        said = [await engine.evaluate(document) for document in inputs]
        pairs = zip(said, inputs, strict=True)
        return [{"said": one, "decision": decide(whole, document)} for one, document in pairs]

    return asyncio.run(answers())


def theirs(site: Site, inputs: Sequence[Any], folder: Path) -> list[Answer]:
    data = json.dumps({"site": site.data or {}})
    put(
        folder,
        {**site.modules, "both.rego": BOTH, "data.json": data},
    )
    with (
        opa(POLICIES, folder, are_bundles=False) as (url, _),
        closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection,
    ):
        return [asked(connection, document) for document in inputs]


def asked(connection: HTTPConnection, document: Any) -> Answer:
    path = "/v1/data/parity/both?strict-builtin-errors=true"
    connection.request("POST", path, orjson.dumps({"input": document}))
    reply = connection.getresponse()
    answer = orjson.loads(reply.read())
    assert reply.status == 200, (answer, document)
    return dict(answer["result"])


def ordered(answer: Answer) -> bytes:
    """An answer with the lists of `said` sorted: a set's members come in any order."""
    said = {
        key: sorted(map(written, value)) if isinstance(value, list) else value
        for key, value in answer["said"].items()
    }
    return written({"said": repr(said), "decision": answer["decision"]})


def written(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


LISTS = {"grant": "grants", "deny": "denials", "mask": "masks"}
RULES = {
    (kind, name_of(path))
    for path in RULE_FILES
    for kind in re.findall(r"^(grant|deny|mask) contains", path.read_text(), re.MULTILINE)
}
"""Every set of every shipped rule."""


class Spoken(Counter[tuple[str, str, bool]]):
    """How often each rule said something, and how often it did not where others did."""

    def hear(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            pairs = ((kind, item) for kind, key in LISTS.items() for item in answer["said"][key])
            if said := {(kind, item["code"]) for kind, item in pairs}:
                self.update((*rule, rule in said) for rule in RULES)

    def check(self) -> None:
        assert {name for _, name in RULES} == {name_of(path) for path in RULE_FILES}
        for rule in RULES:
            assert self[*rule, True], f"{rule} never speaks"
            assert self[*rule, False], f"{rule} is never silent"


def compared(site: str, inputs: Sequence[Any], folder: Path) -> list[Answer]:
    """Both engines' answers, which are the same."""
    mine, other = ours(SITES[site], inputs), theirs(SITES[site], inputs, folder)
    assert len(other) == len(inputs)
    for document, one, two in zip(inputs, mine, other, strict=True):
        assert ordered(one) == ordered(two), (site, document)
    return mine


def test_one_site_sets_every_key_of_the_data():
    assert set(WHOLE_CONFIG) == library_keys()


def test_the_inputs_that_are_not_broken_are_as_the_contract_has_them():
    pick = random.Random(7)
    for document in (*(readable(pick) for _ in range(100)), *from_catalog()[::40]):
        SCHEMA.validate(document)


@pytest.mark.sockets
def test_both_engines_say_the_same_of_every_example_and_of_generated_inputs(tmp_path: Path):
    spoken, each = Spoken(), -(-IN_TEST // len(SITES))
    for number, site in enumerate(SITES):
        (folder := tmp_path / str(number)).mkdir()
        inputs = [*HOSTILE, *from_catalog()[number :: len(SITES)], *generated(number, each)]
        spoken.hear(compared(site, inputs, folder))
    spoken.check()


@pytest.mark.nightly
@pytest.mark.parametrize("site", SITES)
def test_both_engines_say_the_same_of_very_many_inputs(site: str, tmp_path: Path):
    """Every site gets the catalog's examples whole, and its share of the generated inputs."""
    compared(site, from_catalog(), tmp_path)
    left = -(-IN_NIGHTLY // len(SITES))
    while left > 0:
        compared(site, generated((site, left), min(BATCH, left)), tmp_path)
        left -= BATCH
