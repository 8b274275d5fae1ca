"""The settings of a gateway: what it needs besides is told at once, with what to do."""

import os

import pytest
from settings_parts import GOOD, problems, told, written

from sidecar import settings

GATEWAY = """\
provisioning:
  store_file: FOLDER/endpoints.db
  audience: gateway-admin
"""
WHOLE = GOOD.replace("endpoints:\n  - name: support\n    methods: [read, create]\n", "") + (
    GATEWAY
    + "public_url: https://mcp.example/mcp\nendpoint_key_file: FOLDER/secret\nendpoints: []\n"
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    around = list(os.environ)  # noqa: TID251  only to take away what is set around the tests
    for name in [name for name in around if name.upper().startswith("SIDECAR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text("s" * 48 + "\n")
    return tmp_path


def test_a_gateway_needs_no_declared_endpoint(folder):
    loaded = settings.load(written(folder, WHOLE))
    assert loaded.endpoints == ()
    assert loaded.provisioning is not None
    assert (loaded.provisioning.host, loaded.provisioning.port) == ("127.0.0.1", 9091)


def test_without_the_section_there_is_no_gateway(folder):
    assert settings.load(written(folder, GOOD)).provisioning is None


def test_everything_that_a_gateway_lacks_is_told_at_once(folder):
    least = "backend: {url: http://127.0.0.1/mcp}\naudit: {folder: FOLDER/a}\nendpoints: []\n"
    found = problems(written(folder, least + GATEWAY))
    places = {one.where.split()[-1] for one in found}
    assert places == {"public_url", "bearer", "endpoint_key_file"}
    assert all(one.what == "must be set where provisioning is" for one in found)
    assert all(one.remedy for one in found)


def test_an_agents_audience_is_no_administrators(folder):
    found = told(written(folder, WHOLE.replace("gateway-admin", "sidecar")))
    assert list(found.values()) == ["is bearer.audience: agents' tokens would make endpoints"]


@pytest.mark.parametrize("port", [8080, 9090])
def test_its_listener_is_nobody_elses(folder, port):
    text = WHOLE.replace("  audience: gateway-admin", f"  audience: gateway-admin\n  port: {port}")
    (found,) = told(written(folder, text)).values()
    assert found == f"is taken by {'listen' if port == 8080 else 'admin'}"


def test_a_store_lies_in_a_folder_that_is_there(folder):
    (folder / "endpoints.db").mkdir()
    assert list(told(written(folder, WHOLE)).values()) == ["is no file"]
    (folder / "endpoints.db").rmdir()
    text = WHOLE.replace("FOLDER/endpoints.db", "FOLDER/none/endpoints.db")
    assert list(told(written(folder, text)).values()) == ["lies in no folder"]
