"""Hostile inputs to the Rego library, and the embedded engine compared with a real OPA.

Over 300 lines: one site that switches every rule on, and the same inputs for all that is asked.
"""

from __future__ import annotations

import copy
import functools
import json
import random
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import tools
from rego_parts import POLICIES, README, changed, decide, engine_of, example, readme_files

from sidecar.policy import read

MODULES = read([POLICIES]).modules
NOTHING = {"version": 1, "tools": {}}
HOSTILE: tuple[Any, ...] = (
    None,
    "",
    0,
    1,
    -1.5,
    True,
    False,
    [],
    {},
    [None],
    [1],
    {"": None},
    "read",
    "*",
    "ü💥",
)
UNREADABLE = "package site.rules.access.broken\n\ndeny := true\n"
SITE_CONFIG = {
    "config": {
        "bulk_roles": ["exporter"],
        "destructive_roles": ["lead", None],
        "raw_roles": ["auditor"],
        "masks": {"EMAIL": "drop", "CARD": "keep", "PHONE": "hash", "IBAN": None},
        "bulk_tags": "all",
        "denied": [{"tags": ["crm"], "clients": ["x"], "endpoints": ["support"]}],
        "reserved_tools": [{"tags": ["tasks"], "effects": ["write"], "roles": ["lead"]}],
        "reserved_values": [{"argument": "status", "values": ["CLOSED", True, 1], "roles": []}],
        "open_hours": [
            {"effects": ["destructive"], "open": {"Thursday": [0, 1], "Friday": [8, 18]}},
            {"tags": ["media"], "open": {"Thursday": [1, 9]}, "utc_offset_minutes": 90},
        ],
        "webhook_hosts": ["*.our.example"],
        "expected_in_arguments": [{"argument": "other", "entities": ["CARD"], "tools": ["t1"]}],
        "caller_masks": [
            {"purposes": [""], "masks": {"NAME": "pseudonym", "PIN": "keep"}},
            {"roles": ["lead"], "masks": {"NAME": "keep"}},
        ],
        "surprise": [],
    }
}
EXAMPLE_RULE = next(iter(readme_files("rego").values()))
MASK_RULE = """package site.rules.masks.strict

import data.sidecar.lib.query.tools

mask contains {"tool": tool.name, "code": "masks.strict", "entity": "NAME", "action": "drop"} if {
	some tool in tools
	"crm" in tool.tags
}

mask contains {"tool": "*", "code": "masks.strict", "pointer": "/notes", "action": "last4"}
"""
SITES: dict[str, tuple[dict[str, str], dict[str, Any] | None]] = {
    "no site": ({}, None),
    "config": ({}, SITE_CONFIG),
    "rules": ({"a.rego": EXAMPLE_RULE, "b.rego": MASK_RULE}, None),
    "an unreadable rule": ({"a.rego": UNREADABLE}, None),
    "rules in shadow": (
        {"a.rego": EXAMPLE_RULE, "b.rego": MASK_RULE},
        {"config": {"shadow_rules": ["access.contractors", "access.unknown", "access.tags"]}},
    ),
    "an unreadable rule in shadow": (
        {"a.rego": UNREADABLE},
        {"config": {"shadow_rules": ["access.broken"]}},
    ),
}

# ---- inputs: readable ones of every kind, then with one or two places broken


TAGS = ["crm", "crm", "tasks", "tasks", "export", "media", "webhooks"]
VALUES = ["CLOSED", " closed", "true", True, 1, "https://a.our.example/x", "http://evil.example"]


def tool(pick: random.Random, name: str) -> dict[str, Any]:
    marks = {"overwrites": pick.random() < 0.3, "outbound": pick.random() < 0.3}
    return {
        "name": name,
        "known": pick.random() < 0.95,
        "method": pick.choice(["list", "get", "create", "update", "delete", "custom"]),
        "effect": pick.choice(["read", "read", "write", "write", "destructive"]),
        "tags": pick.sample(TAGS, pick.randrange(3)),
        "pii": ["EMAIL"],
        "customer_text": ["/body"],
        "pinned": pick.random() < 0.9,
        "arguments": {"body": {**marks, "expected": pick.choice([[], ["CARD"]])}},
    }


def readable(pick: random.Random) -> dict[str, Any]:
    is_list = pick.random() < 0.4
    names = [f"t{pick.randrange(4)}" for _ in range(pick.randrange(6) if is_list else 1)]
    roles = pick.sample(["lead", "exporter", "auditor", "contractor"], pick.randrange(3))
    methods = pick.sample(["read", "write", "delete", "custom"], pick.randrange(3))
    endpoint = {"methods": methods, "tags": pick.choice([[], ["crm"], ["crm", "tasks"]])}
    document = {
        **copy.deepcopy(example()),
        "tools": [tool(pick, name) for name in names],
        "mcp": {"method": "tools/list" if is_list else "tools/call", "protocol": ""},
        "caller": {**example()["caller"], "roles": roles},
        "endpoint": {**example()["endpoint"], **endpoint},
    }
    if is_list:
        return {k: v for k, v in document.items() if k not in {"arguments", "findings"}}
    entities = pick.sample(["EMAIL", "CARD", "PIN", "MASK"], pick.choice([0, 0, 1, 2]))
    places = ["/body", "/body/0/text", "/other", ""]
    found = [{"entity": e, "pointer": pick.choice(places), "length": 4} for e in entities]
    given = {name: pick.choice(VALUES) for name in pick.sample(["status", "url", "body"], 2)}
    return {**document, "findings": found, "arguments": {"other": [given], **given}}


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, as a container and a key or an index of it."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places_in(value[key])


def broken(pick: random.Random, document: dict[str, Any]) -> Any:
    for _ in range(pick.choice([0, 1, 1, 2])):
        container, key = pick.choice(list(places_in(document)))
        if pick.random() < 0.3:
            del container[key]
        else:
            container[key] = copy.deepcopy(pick.choice(HOSTILE))
        if not document:
            break
    return document


@functools.cache
def inputs() -> list[Any]:
    pick = random.Random(20260101)
    return [*HOSTILE, *(broken(pick, readable(pick)) for _ in range(600))]


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
        and not {"export", "media", "webhooks"} & {x for x in t["tags"] if isinstance(x, str)}
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


@pytest.mark.sockets
@pytest.mark.parametrize("site", SITES)
def test_opa_decides_every_input_as_the_embedded_engine_does(site: str, tmp_path: Path):
    modules, data = SITES[site]
    for name, text in modules.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "data.json").write_text(json.dumps({"inputs": inputs(), "site": data or {}}))
    query = "[x | some i in data.inputs; x := data.sidecar.main.decision with input as i]"
    folders = ("--data", POLICIES, "--data", tmp_path)
    said = opa("eval", "--strict-builtin-errors", "--format", "raw", *folders, query)
    theirs = orjson.loads(said)
    assert len(theirs) == len(inputs())
    for document, answer, ours in zip(inputs(), theirs, embedded(site), strict=True):
        written = orjson.dumps(answer, option=orjson.OPT_SORT_KEYS)
        assert written == orjson.dumps(ours, option=orjson.OPT_SORT_KEYS), document
