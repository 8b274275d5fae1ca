"""What a stranger says does nothing on a terminal but to be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from console import loggers_as_before
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sidecar import pipeline
from sidecar.catalog import Pins
from sidecar.cli import cli
from sidecar.cli.catalog import _differences
from sidecar.gladly.client import Answer, Client
from sidecar.local import Gladly, doctor, up
from sidecar.local.finding import Finding
from sidecar.model import JsonObject
from sidecar.shown import as_json, listed, shown

RUN = CliRunner()
EVIL = "evil\x1b]0;PWNED\x07\x1b[2J\nReady\u202e\x9b31m"


@given(st.text(), st.integers(0, 50))
def test_any_text_is_one_short_line_of_what_can_be_printed(text, longest):
    said = shown(text, longest)
    assert said.isprintable()
    assert len(said) <= longest * 10 + 1


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3)))
@pytest.mark.parametrize("indent", [None, 2])
def test_any_document_is_printable_ascii_and_reads_back_as_it_was(indent, value):
    said = as_json(value, indent)
    assert said.isascii()
    assert said.replace("\n", "").isprintable()
    assert json.loads(said) == value


def test_a_plain_text_stays_as_it_is_and_every_other_character_shows_its_number():
    assert shown("Müller & Söhne, 東京") == "Müller & Söhne, 東京"
    assert shown(EVIL) == "evil\\x1b]0;PWNED\\x07\\x1b[2J\\nReady\\u202e\\x9b31m"


def test_a_long_list_of_names_is_cut_with_a_count():
    assert listed(["a", "b"]) == "a b"
    assert listed([f"t{n}" for n in range(20_000)], 2, ", ") == "t0, t1 and 19998 more"


@pytest.mark.thorough
def test_names_of_a_backends_tools_do_nothing_in_an_import(monkeypatch):
    names = [EVIL, *(f"t_{n}" for n in range(20_000))]

    async def read(*_: object) -> list[JsonObject]:
        return [{"name": name} for name in names]

    monkeypatch.setattr(pipeline, "read", read)
    done = RUN.invoke(cli, ["catalog", "import", "http://127.0.0.1:1/mcp"])
    assert done.exit_code == 0
    assert all(line.isprintable() for line in done.stderr.splitlines())
    assert max(map(len, done.stderr.splitlines())) < 10_000
    assert "new: 20000 t_0 " in done.stderr
    assert "and 19950 more" in done.stderr


def test_names_and_words_of_changed_tools_do_nothing_in_a_review():
    now = Pins.of([{"name": EVIL, "description": EVIL}])
    lines = list(_differences(Pins({}), now, is_whole=True))
    assert lines[0].startswith("new: evil\\x1b")
    assert all(line.isprintable() for line in lines)


def test_what_the_doctor_was_told_does_nothing_when_it_says_so(monkeypatch):
    async def examine(*_: object) -> AsyncIterator[Finding]:
        yield Finding("warning", EVIL + "x" * 9999, EVIL)

    monkeypatch.setattr(doctor, "examine", examine)
    with loggers_as_before():
        done = RUN.invoke(cli, ["doctor"])
    assert done.exit_code == 0
    assert all(line.isprintable() and len(line) < 3000 for line in done.output.splitlines())


def test_an_organisations_name_does_nothing_when_it_is_said(monkeypatch, tmp_path: Path):
    async def call(*_: object) -> Answer:
        return Answer(200, (), orjson.dumps({"id": "x", "name": EVIL}))

    monkeypatch.setattr(Client, "call", call)
    (tmp_path / "token").write_text("t")
    gladly = Gladly("https://a.example", "a@b.example", tmp_path / "token")
    assert asyncio.run(up.checked(gladly)).isprintable()
