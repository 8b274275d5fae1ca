"""`sidecar endpoint list` and `revoke`: what is in force, no secret, and an end from now on."""

from __future__ import annotations

import asyncio
import stat

import pytest
import yaml
from console import sidecar
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from settings_parts import written
from test_cli import told
from test_provisioning_settings import WHOLE
from test_provisioning_store import one

from sidecar import identity
from sidecar.identity import DenyList
from sidecar.provisioning.store import Store
from sidecar.settings import Rotating

DECLARED = """\
endpoints:
  - name: support
    methods: [read, create]
    tags: [tasks]
  - name: old
    token_hash: HASH
    require_api_token_auth: false
    expires_at: 2020-01-01T00:00:00Z
deny_file: FOLDER/denied.yaml
""".replace("HASH", "0" * 64)


@pytest.fixture
def config(tmp_path):
    """Settings of a gateway with two declared endpoints, and two that are stored."""
    (tmp_path / "secret").write_text("s" * 48)
    (tmp_path / "denied.yaml").write_text("")
    store = Store(tmp_path / "endpoints.db")
    asyncio.run(store.add(one(1, name="Desk of Ann")))
    asyncio.run(store.add(one(2, name="other", account="sandbox", expires_at=None)))
    store.close()
    return written(tmp_path, WHOLE.replace("endpoints: []\n", DECLARED))


def listed(config) -> list[list[str]]:
    ran = sidecar("endpoint", "list", "--config", str(config))
    assert (ran.code, ran.err) == (0, "")
    assert "0" * 64 not in ran.out
    head, *rows = ran.out.splitlines()
    starts = [head.index(name) for name in head.split()]
    ends = [*starts[1:], None]
    return [[row[a:b].strip() for a, b in zip(starts, ends, strict=True)] for row in rows]


def test_declared_and_provisioned_endpoints_are_listed_without_a_secret(config):
    first, second = one(1).endpoint, one(2).endpoint
    assert listed(config) == [
        ["support", "-", "default", "read create", "tasks", "bearer", "never", "active"],
        ["old", "-", "default", "policy's default", "all", "URL alone", "2020-01-01T00:00:00Z",
         "expired"],
        ["Desk of Ann", first.id, "default", "read create", "tasks", "bearer",
         "2030-01-01T00:00:00Z", "active"],
        ["other", second.id, "sandbox", "read create", "tasks", "bearer", "never", "active"],
    ]  # fmt: skip


def test_a_running_sidecars_store_is_read_too(config, tmp_path):
    store = Store(tmp_path / "endpoints.db")
    asyncio.run(store.add(one(3)))
    assert len(listed(config)) == 5
    store.close()


@pytest.mark.parametrize("which", ["support", "Desk of Ann", one(2).endpoint.id])
def test_a_revoked_endpoint_is_taken_up_by_a_running_sidecar(config, tmp_path, which):
    current = Rotating(identity.read_deny_list, tmp_path / "denied.yaml")
    ran = sidecar("endpoint", "revoke", which, "--config", str(config))
    assert (ran.code, ran.out.split(":")[0]) == (0, "revoked")
    assert current.value == DenyList(endpoint=frozenset({which}))
    assert [row[0] for row in listed(config) if row[-1] == "revoked" and which in row] != []
    again = sidecar("endpoint", "revoke", which, "--config", str(config))
    assert (again.code, again.out.split(":")[0]) == (0, "was revoked already")


def test_what_is_no_endpoint_is_not_revoked(config):
    (line,) = told(sidecar("endpoint", "revoke", "suport", "--config", str(config)))
    assert "is no endpoint of these settings" in line


def test_without_a_deny_file_the_remedy_is_told(config):
    text = config.read_text().replace(f"deny_file: {config.parent}/denied.yaml\n", "")
    config.write_text(text)
    (line,) = told(sidecar("endpoint", "revoke", "support", "--config", str(config)))
    assert "set deny_file" in line


def test_a_broken_deny_file_is_told_and_left_as_it_is(config, tmp_path):
    file = tmp_path / "denied.yaml"
    file.write_text("jti: {")
    told(sidecar("endpoint", "revoke", "support", "--config", str(config)))
    assert file.read_text() == "jti: {"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'endpoint:\n- "x"\n'),
        ("# nobody\n", '# nobody\nendpoint:\n- "x"\n'),
        ("jti: [a]  # why\n", 'jti: [a]  # why\nendpoint:\n- "x"\n'),
        ("jti: [a]", 'jti: [a]\nendpoint:\n- "x"\n'),
        ("jti: [7, no]  # why\n", 'jti: [7, no]  # why\nendpoint:\n- "x"\n'),
        ("sub: [2026-13-45]\n", 'sub: [2026-13-45]\nendpoint:\n- "x"\n'),
        ("endpoint: [a]  # why\n", 'endpoint: [a, "x"]  # why\n'),
        ("endpoint: []\nsub: [b]\n", 'endpoint: ["x"]\nsub: [b]\n'),
        ("endpoint:\n  - a  # why\n# on\nsub: [b]\n",
         'endpoint:\n  - a  # why\n  - "x"\n# on\nsub: [b]\n'),
        ("endpoint:\n- 'a'", 'endpoint:\n- \'a\'\n- "x"\n'),
        ("endpoint:\nsub: [b]\n", "sub:\n- b\nendpoint:\n- x\n"),
        ("{jti: [a]}\n", "jti:\n- a\nendpoint:\n- x\n"),
    ],
)  # fmt: skip
def test_what_stands_in_a_deny_file_is_kept_with_its_comments(tmp_path, before, after):
    file = tmp_path / "denied.yaml"
    file.write_text(before)
    file.chmod(0o640)
    assert identity.revoke(file, "x")
    assert file.read_text() == after
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["denied.yaml"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to("real")
    assert identity.revoke(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert "x" in (tmp_path / "real").read_text()


NAMES = st.lists(st.text(min_size=1, max_size=9), max_size=4)


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from(["jti", "sub", "endpoint"]), NAMES), st.text(min_size=1))
@hypothesis(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_list_says_one_endpoint_more_and_nothing_less(tmp_path, lists, name):
    file = tmp_path / "any"
    for flow_style in (True, False):
        text = yaml.safe_dump(lists, default_flow_style=flow_style, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        before = identity.read_deny_list(file)
        identity.revoke(file, name)
        after = identity.read_deny_list(file)
        assert after == DenyList(before.jti, before.sub, before.endpoint | {name})
