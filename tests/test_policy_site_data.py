"""Data of a site policy that nothing would read, or that is not what the library takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_parts import put, told

from sidecar.errors import ConfigError
from sidecar.policy import load
from sidecar.settings import shipped

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
    ("tainted_minutes: true", "no whole number from 0 on", "tainted_minutes: 60"),
    ("customers_per_hour: [9]", "no whole number from 0 on", "customers_per_hour: 60"),
    ("bulk_roles: lead", "site.config.bulk_roles is no list", "bulk_roles: [word]"),
    ("bulk_roles: [1]", "holds what is no word", "quotes"),
    ("always_masked: [CRAD]", "CRAD is no entity", "did you mean CARD?"),
    ("default_methods: [reed]", "reed is no method", "did you mean read?"),
]


@pytest.mark.parametrize(("text", "what", "remedy"), CONFIG)
def test_configuration_that_would_not_be_used_is_a_problem(tmp_path, text, what, remedy):
    (line,) = told(tmp_path, {"site/config/data.yaml": f"# ours\n{text}\n"})
    assert line.startswith("site/config/data.yaml:2: ")
    assert what in line
    assert remedy in line


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
