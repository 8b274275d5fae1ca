"""Data of a site policy that nothing would read, or that is not what the library takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_parts import put, told

from sidecar.errors import ConfigError
from sidecar.policy import load
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

LIBRARY = shipped("policies")

CONFIG = [
    ("destructive_role: [a]", "is no key of the library", "did you mean destructive_roles?"),
    ("masks: {PHNE: mask}", "PHNE is no entity", "did you mean PHONE?"),
    ("masks: {PHONE: maks}", "maks is no action", "did you mean mask?"),
    (
        "masks: {PHONE: 4}",
        "the action of PHONE is no word",
        "one of: drop, keep, last4, mask, pseudonym",
    ),
    ("masks: [PHONE]", "site.config.masks is no object", "ENTITY: action"),
    ("tainted_minutes: -1", "no whole number from 0 on", "tainted_minutes: 60"),
    ("tainted_minutes: 61", "is more than 60, which the sidecar does", "tainted_minutes: 60"),
    ("customers_per_hour: 10001", "is more than 10000", "customers_per_hour: 10000"),
    ("tainted_minutes: true", "no whole number from 0 on", "tainted_minutes: 60"),
    ("customers_per_hour: [9]", "no whole number from 0 on", "customers_per_hour: 60"),
    ("bulk_roles: lead", "site.config.bulk_roles is no list", "bulk_roles: [word]"),
    ("bulk_roles: [1]", "holds what is no word", "quotes"),
    ("always_masked: [CRAD]", "CRAD is no entity", "did you mean CARD?"),
    ("default_methods: [reed]", "reed is no method", "did you mean read?"),
    ("denied: {effects: [write]}", "site.config.denied is no list of rows", "denied: [{…}]"),
    ("denied: [write]", "site.config.denied.0 is no object", "members: tools, tags, effects"),
    ("denied: [{}]", "site.config.denied.0 says nothing of one of: tools", "name one of them"),
    ("denied: [{efects: [write], roles: [a]}]", "denied.0.efects is no member", "effects?"),
    ("denied: [{effects: [writes]}]", "writes is no effect", "did you mean write?"),
    ("denied: [{tools: create_one}]", "denied.0.tools is no list", "tools: [word]"),
    ("reserved_tools: [{tags: [outbound]}]", "says nothing of one of: roles", "empty list"),
    ("reserved_values: [{values: [a], roles: []}]", "reserved_values.0 lacks argument", "members:"),
    ("reserved_values: [{argument: '', values: [a], roles: []}]", "names no argument", "status"),
    ("reserved_values: [{argument: a, values: a, roles: []}]", "is no list of texts", "[CLOSED]"),
    ("reserved_values: [{argument: a, values: [0.5], roles: []}]", "whole numbers", "[CLOSED]"),
    ("open_hours: [{tags: [a]}]", "site.config.open_hours.0 lacks open", "utc_offset_minutes"),
    ("open_hours: [{open: [8, 18]}]", "open_hours.0.open is no object", "open: {Monday: [8, 18]}"),
    ("open_hours: [{open: {Mondy: [8, 18]}}]", "Mondy is no weekday", "did you mean Monday?"),
    ("open_hours: [{open: {Monday: [18, 8]}}]", "the hours of Monday are no two", "[8, 18]"),
    ("open_hours: [{open: {Monday: [8, 25]}}]", "the hours of Monday are no two", "[8, 18]"),
    ("open_hours: [{open: {Monday: [8, true]}}]", "the hours of Monday are no two", "[8, 18]"),
    ("open_hours: [{open: {}, utc_offset_minutes: 900}]", "from -840 to 840", "utc_offset"),
    ("webhook_hosts: ['https://a.example']", "is no name of a host", "hooks.example.com"),
    ("webhook_hosts: [A.example]", "in small letters", "hooks.example.com"),
    ("webhook_hosts: all", "site.config.webhook_hosts is no list", "webhook_hosts: [word]"),
    (
        "expected_in_arguments: [{argument: a, entities: [CRAD]}]",
        "CRAD is no entity",
        "did you mean CARD?",
    ),
    ("caller_masks: [{roles: [a]}]", "site.config.caller_masks.0 lacks masks", "members: roles"),
    ("caller_masks: [{masks: {PHONE: mask}}]", "says nothing of one of: roles", "name one"),
    ("caller_masks: [{roles: [a], masks: {PHONE: maks}}]", "maks is no action", "mask?"),
]


@pytest.mark.parametrize(("text", "what", "remedy"), CONFIG)
def test_configuration_that_would_not_be_used_is_a_problem(tmp_path, text, what, remedy):
    (line,) = told(tmp_path, {"site/config/data.yaml": f"# ours\n{text}\n"})
    assert line.startswith("site/config/data.yaml:2: ")
    assert what in line
    assert remedy in line


FITTING = """
denied: [{effects: [write]}, {tools: [create_one], clients: [desk]}]
reserved_tools: [{tags: [outbound], roles: []}]
reserved_values: [{argument: status, values: [CLOSED, true, 1], roles: [lead]}]
open_hours: [{open: {Monday: [0, 24]}, utc_offset_minutes: -210}]
webhook_hosts: ["**", hooks.example.com, "*.a-b.example"]
expected_in_arguments: [{argument: note, entities: [CARD]}]
caller_masks: [{purposes: [refunds], masks: {CARD: pseudonym}}]
"""


def test_rows_of_every_kind_are_taken_and_what_they_name_is_known(tmp_path):
    taken = load(LIBRARY, put(tmp_path, {"site/config/data.yaml": FITTING}))
    assert taken.names("pseudonym")
    assert not load(LIBRARY).names("pseudonym")
    assert [(m.kind, m.name, m.where.rpartition(":")[2]) for m in taken.mentions] == [
        ("tool", "create_one", "2"),
        ("argument", "status", "4"),
        ("argument", "note", "7"),
    ]


def test_a_row_and_its_member_are_told_by_their_lines(tmp_path):
    text = "denied:\n  - effects: [write]\n  - tools: [a]\n    efects: [write]\n  - write\n"
    lines = told(tmp_path, {"site/config/data.yaml": text})
    assert [line.partition(": ")[0] for line in lines] == [
        "site/config/data.yaml:4",
        "site/config/data.yaml:5",
    ]


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("data.yaml", "masks: {PHONE: mask}\n", 1, "put it below `site:` and `config:`"),
        ("data.yaml", "site: {}\nlimits: 1\n", 2, "put it below `site:`"),
        ("config/data.yaml", "bulk_roles: []\n", 1, "site/config/data.yaml)"),
        ("data.json", '{\n "site": {\n  "config": {\n   "x": 1}}}', 4, "site.config.x is no key"),
        ("data.yaml", "site: 1\n", 1, "site is no object"),
        ("data.yaml", "site:\n  rules: {}\n", 2, "data lies below site.rules"),
        ("data.yaml", "site:\n  config: []\n", 2, "site.config is no object"),
    ],
)
def test_data_that_nothing_reads_is_a_problem_with_its_line(tmp_path, name, text, line, says):
    (found,) = told(tmp_path, {name: text})
    assert found.startswith(f"{name}:{line}: ")
    assert says in found


def test_where_data_belongs_is_told_whole_even_in_a_folder_that_is_called_site(tmp_path):
    folder = put(tmp_path / "site", {"config/data.yaml": "bulk_roles: []\n"})
    with pytest.raises(ConfigError) as refused:
        load(LIBRARY, folder)
    (problem,) = refused.value.problems
    target = problem.remedy.removeprefix("move the file to ")
    assert target == str(folder / "site" / "config" / "data.yaml")
    Path(target).parent.mkdir(parents=True)
    (folder / "config" / "data.yaml").rename(target)
    load(LIBRARY, folder)
