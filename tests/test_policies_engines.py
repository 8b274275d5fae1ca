"""Hostile inputs to the Rego library, and a real OPA that checks and tests it."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tools
from policy_inputs import HOSTILE, SITES, generated
from rego_parts import POLICIES, README, changed, decide, engine_of, example, readme_files

from sidecar.policy import read

MODULES = read([POLICIES]).modules
NOTHING = {"version": 1, "tools": {}}


@functools.cache
def inputs() -> list[Any]:
    return [*HOSTILE, *generated(20260101, 600)]


@functools.cache
def embedded(site: str) -> list[Any]:
    modules, data = SITES[site]
    engine = engine_of(modules, data)
    return [decide(engine, document) for document in inputs()]


# ---- what holds for every input


def may_be_allowed(document: Any, name: str) -> bool:
    """The access rules once more, strictly: what an allowed tool must at least be."""
    endpoint, roles = document["endpoint"], document["caller"]["roles"]
    assert all(isinstance(x, list) for x in (endpoint["methods"], endpoint["tags"], roles))
    groups = {"read": {"list", "get"}, "write": {"create", "update", "delete"}}
    methods: set[Any] = set()
    for method in endpoint["methods"] or ["read"]:
        if isinstance(method, str):
            methods |= groups.get(method, {method})
    judged = [
        t
        for t in document["tools"]
        if isinstance(t, dict) and t.get("name") == name and isinstance(t.get("tags"), list)
    ]
    return any(
        t["known"] is True
        and t["pinned"] is True
        and t["method"] in methods
        and (t["effect"] in {"read", "write"})
        and not {"export", "media", "webhooks", "unreviewed", "exit"}
        & {x for x in t["tags"] if isinstance(x, str)}
        and (
            not endpoint["tags"]
            or any(isinstance(x, str) and x in endpoint["tags"] for x in t["tags"])
        )
        for t in judged
    )


@pytest.mark.thorough
def test_every_answer_has_the_agreed_form():
    for site in SITES:
        for answer in embedded(site):
            assert answer.keys() == NOTHING.keys()
            for verdict in answer["tools"].values():
                assert verdict.keys() == {"allow", "grants", "denials", "masks"}
                assert verdict["allow"] is (bool(verdict["grants"]) and not verdict["denials"])


@pytest.mark.thorough
def test_nothing_is_allowed_that_the_strict_reading_does_not_allow():
    allowed = 0
    for document, answer in zip(inputs(), embedded("no site"), strict=True):
        for name, verdict in answer["tools"].items():
            if verdict["allow"]:
                allowed += 1
                assert document["version"] == 1
                assert may_be_allowed(document, name)
    assert allowed > 30, "the inputs do not reach what is allowed"


def test_a_site_rule_that_cannot_be_read_allows_nothing():
    verdicts = [v for answer in embedded("an unreadable rule") for v in answer["tools"].values()]
    assert verdicts
    assert not any(verdict["allow"] for verdict in verdicts)


def test_a_tool_without_a_grant_is_not_allowed_even_if_nothing_denies_it():
    """Without the one rule that grants, nothing is said against a readable call."""
    silent = {name: "package silent" for name, _ in MODULES if name.endswith("/methods.rego")}
    verdict = decide(engine_of(silent), example())["tools"].get("read_one", {})
    assert silent
    assert not verdict.get("allow")
    assert not verdict.get("denials")


@pytest.mark.parametrize("part", ["version", "tools", "mcp", "caller", "endpoint", "findings"])
def test_an_input_without_a_part_or_with_a_null_has_no_verdicts(part: str):
    engine = engine_of({})
    assert decide(engine, {k: v for k, v in example().items() if k != part}) == NOTHING
    assert decide(engine, changed(**{part: None})) == NOTHING


# ---- the real OPA


def opa(*arguments: str | Path) -> str:
    done = subprocess.run(
        [tools.require("opa"), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.sockets
def test_opa_finds_the_library_formatted_and_strict():
    assert opa("fmt", "--list", POLICIES) == ""
    opa("check", "--strict", "--bundle", POLICIES)
    opa("check", "--strict", "--schema", POLICIES / "input.schema.json", POLICIES / "sidecar")


@pytest.mark.sockets
def test_opa_runs_every_rule_test_and_they_cover_every_line():
    opa("test", "--bundle", POLICIES, "--coverage", "--threshold", "100")
    opa("test", POLICIES)


@pytest.mark.sockets
def test_the_readmes_command_runs_the_tests_of_a_site_beside_the_library(tmp_path: Path):
    rules, everything = readme_files("rego"), readme_files("rego") | readme_files("yaml")
    for name, text in everything.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (command,) = re.findall(r"`opa test policies your-folder (.*?)`", README)
    said = opa("test", POLICIES, tmp_path / "your-folder", "--verbose", *shlex.split(command))
    assert "PASS: 4/4" in said
    for name in set(everything) - set(rules):
        (tmp_path / name).unlink()
    opa("test", POLICIES, tmp_path / "your-folder")


@pytest.mark.sockets
def test_opa_runs_the_readmes_example(tmp_path: Path):
    for name, text in readme_files("rego").items():
        (tmp_path / Path(name).name).write_text(text)
    assert opa("fmt", "--list", tmp_path) == ""
    opa("check", "--strict", POLICIES, tmp_path)
    assert "PASS" in opa("test", "--run", "site.tests", POLICIES, tmp_path)
