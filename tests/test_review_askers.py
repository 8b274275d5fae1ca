"""Callers: from a file, from settings, or those that stand for all."""

from __future__ import annotations

import pytest
from review_parts import LIBRARY, policies

from sidecar.errors import ConfigError
from sidecar.review import askers

FILE = """
- name: triage
  caller: {subject: triage-agent, roles: [agent], purpose: support}
  endpoint: {name: triage, methods: [read], tags: [tasks], expires_at: "2026-12-01T00:00:00Z"}
- name: anybody
"""


def test_a_file_gives_each_caller_with_his_endpoint(tmp_path):
    file = tmp_path / "callers.yaml"
    file.write_text(FILE)
    triage, anybody = askers.named(file)
    assert (triage.name, triage.caller.roles, triage.caller.purpose) == (
        "triage", ("agent",), "support",
    )  # fmt: skip
    at = triage.caller.endpoint
    assert (at.methods, at.tags) == (("read",), ("tasks",))
    assert at.expires_at is not None
    assert at.expires_at.isoformat() == "2026-12-01T00:00:00+00:00"
    assert anybody.caller.roles == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "must be of type array"),
        ("[]", "breaks minItems"),
        ("- caller: {}", "must have name"),
        ("- name: a\n  caller: {role: [x]}", "has a member that is not known; known are issuer"),
        ("- name: a\n  endpoint: {methods: [steal]}", "must be one of read or write"),
        ("- name: a\n  endpoint: {expires_at: soon}", "is no time"),
        ("- name: a\n- name: a", "a name stands twice"),
        ("{", "is not YAML"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_is_wrong(tmp_path, text, what):
    file = tmp_path / "callers.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=what) as caught:
        askers.named(file)
    assert all(str(file) in problem.where for problem in caught.value.problems)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        askers.named(tmp_path / "nowhere.yaml")


def test_those_that_stand_for_all_have_no_role_where_no_policy_names_one():
    assert [one.name for one in askers.everyone(LIBRARY)] == [
        "all methods, no role",
        "default methods, no role",
    ]


def test_roles_that_data_or_rules_name_stand_for_all(tmp_path):
    bundle = policies(
        tmp_path / "site", "    raw_roles: [auditor]\n", access_mine='"contractor" in roles'
    )
    names = [one.name for one in askers.everyone(LIBRARY, bundle)]
    assert names[:3] == [
        "all methods, no role",
        "all methods, auditor",
        "all methods, contractor",
    ]
