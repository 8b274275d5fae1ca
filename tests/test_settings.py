"""Settings: file and environment become frozen values; secrets stay in their files."""

import json
import os

import pytest
from settings_parts import CANARY, GOOD, HASH, told, written

from sidecar import model, settings
from sidecar.errors import ConfigError
from sidecar.settings.table import rows


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    around = list(os.environ)  # noqa: TID251  only to take away what is set around the tests
    for name in [name for name in around if name.upper().startswith("SIDECAR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text("s" * 48 + "\n")
    (tmp_path / "site").mkdir()
    return tmp_path


def test_a_good_file_loads_with_the_defaults_that_the_table_names(folder):
    loaded = settings.load(written(folder, GOOD))
    assert (loaded.listen.host, loaded.listen.port, loaded.admin.port) == ("127.0.0.1", 8080, 9090)
    assert (loaded.audit.reads, loaded.audit.writes) == ("written", "synced")
    assert (loaded.limits.request_bytes, loaded.limits.grace) == (4_194_304, 10.0)
    assert loaded.policy.engine == "embedded"
    assert loaded.endpoints[0].to_endpoint() == model.Endpoint(
        name="support", token_hash=None, methods=("read", "create")
    )


def test_settings_are_frozen(folder):
    loaded = settings.load(written(folder, GOOD))
    with pytest.raises(ValueError, match="frozen"):
        loaded.listen.port = 1  # type: ignore[misc]  # the point of the test


def test_the_environment_overrides_the_file(folder, monkeypatch):
    monkeypatch.setenv("SIDECAR_LISTEN__PORT", "7000")
    monkeypatch.setenv("SIDECAR_BACKEND__URL", "https://other.example/mcp")
    endpoints = [{"name": "other", "token_hash": HASH}]
    monkeypatch.setenv("SIDECAR_ENDPOINTS", json.dumps(endpoints))
    monkeypatch.setenv("SIDECAR_ENDPOINT_KEY_FILE", str(folder / "secret"))
    loaded = settings.load(written(folder, GOOD))
    assert loaded.listen.port == 7000
    assert loaded.backend.address() == "https://other.example/mcp"
    assert [endpoint.name for endpoint in loaded.endpoints] == ["other"]


def test_the_environment_alone_is_enough(folder, monkeypatch):
    monkeypatch.setenv("SIDECAR_BACKEND__URL", "https://other.example/mcp")
    monkeypatch.setenv("SIDECAR_AUDIT__FOLDER", str(folder))
    monkeypatch.setenv("SIDECAR_ENDPOINT_KEY_FILE", str(folder / "secret"))
    monkeypatch.setenv(
        "SIDECAR_ENDPOINTS",
        json.dumps([{"name": "a", "token_hash": HASH, "require_api_token_auth": False}]),
    )
    assert settings.load(None).endpoints[0].token_hash == HASH


def test_an_empty_variable_sets_nothing(folder, monkeypatch):
    monkeypatch.setenv("SIDECAR_LISTEN__PORT", "")
    assert settings.load(written(folder, GOOD)).listen.port == 8080


def test_variables_that_kubernetes_adds_for_a_service_are_no_settings(folder, monkeypatch):
    monkeypatch.setenv("SIDECAR_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("SIDECAR_SERVICE_PORT_MCP", "8080")
    monkeypatch.setenv("SIDECAR_PORT", "tcp://10.0.0.1:8080")
    monkeypatch.setenv("SIDECAR_PORT_8080_TCP_ADDR", "10.0.0.1")
    settings.load(written(folder, GOOD))


def test_a_section_whose_lines_are_all_commented_out_keeps_its_defaults(folder):
    loaded = settings.load(written(folder, GOOD + "limits:\n  # streams: 3\n"))
    assert loaded.limits.streams == 256


@pytest.mark.parametrize("host", ["idp.example", "IDP.example"])
def test_a_listed_host_may_publish_its_keys_without_tls(folder, host):
    text = GOOD.replace(
        "hs256_secret_file: FOLDER/secret",
        f"jwks_url: http://idp.example/keys\n      in_cluster_hosts: [{host}]",
    )
    loaded = settings.load(written(folder, text))
    assert loaded.bearer is not None
    assert loaded.bearer.issuers[0].accepted() == ("RS256", "ES256", "EdDSA")


def test_a_secret_means_hs256_and_nothing_else(folder):
    loaded = settings.load(written(folder, GOOD))
    assert loaded.bearer is not None
    assert loaded.bearer.issuers[0].accepted() == ("HS256",)


def test_a_url_is_shown_without_what_may_be_a_token(folder):
    loaded = settings.load(
        written(folder, GOOD.replace("127.0.0.1:9000/mcp", f"b.example/mcp/{CANARY}?t={CANARY}"))
    )
    assert CANARY not in f"{loaded!r} {loaded.backend} {loaded.model_dump_json()}"
    assert "http://b.example/…" in repr(loaded)
    assert loaded.backend.address().endswith(CANARY)


def test_the_backends_url_can_come_from_a_file(folder):
    (folder / "url").write_text("https://b.example/mcp/token\n")
    file = written(folder, GOOD.replace("url: http://127.0.0.1:9000/mcp", "url_file: FOLDER/url"))
    assert settings.load(file).backend.address() == "https://b.example/mcp/token"


def test_a_secret_loses_one_line_end_and_nothing_else(tmp_path):
    file = tmp_path / "s"
    for content, read in ((b"a b \n", "a b "), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b"a", "a")):
        file.write_bytes(content)
        assert settings.secret(file) == read


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"x" * 65_537])
def test_a_secret_that_is_empty_or_no_text_is_refused(tmp_path, content):
    file = tmp_path / "s"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="s: is"):
        settings.secret(file)


def test_a_secret_that_everybody_can_write_is_refused(folder):
    (folder / "secret").chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by everybody"):
        settings.secret(folder / "secret")
    assert "can be written by everybody" in told(written(folder, GOOD)).values()


def test_a_missing_secret_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            settings.secret(path)


def test_the_library_is_found_in_a_checkout():
    assert settings.shipped("policies").name == "policies"
    assert settings.shipped("tool_catalog").is_dir()


def test_a_library_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("sidecar.settings.files._PACKAGE", tmp_path / "sidecar")
    with pytest.raises(ConfigError, match="not part of this installation"):
        settings.shipped("policies")
    (tmp_path / "sidecar/_library/policies").mkdir(parents=True)
    assert settings.shipped("policies") == tmp_path / "sidecar/_library/policies"


def test_every_setting_has_a_line_in_the_table_and_says_what_it_is():
    text = settings.table()
    assert text.count("\n") == len(list(rows())) + 2
    assert all(row.what for row in rows())
    for line in (
        "| `listen.port` | `8080` |",
        "| `endpoints[].name` | required |",
        "| `endpoints[].require_api_token_auth` | `true` |",
        "| `bearer.issuers[].purpose_claim` | none |",
    ):
        assert line in text


def test_hosts_origins_and_a_proxy_are_read(folder):
    extra = """\
listen: {host: "::1"}
policy: {site_folder: FOLDER/site}
allowed_hosts: [Sidecar.example:8443, '[::1]:80']
allowed_origins: [https://App.example]
"""
    text = GOOD.replace("backend:\n", "backend:\n  proxy: http://u:p@proxy.example:3128\n")
    loaded = settings.load(written(folder, text + extra))
    assert loaded.listen.host == "::1"
    assert loaded.policy.site_folder == folder / "site"
    assert loaded.allowed_hosts == ("sidecar.example:8443", "[::1]:80")
    assert loaded.allowed_origins == ("https://app.example",)
    assert repr(loaded.backend.proxy) == "SecretUrl('http://proxy.example:3128/…')"


def test_a_url_that_is_none_is_shown_as_nothing():
    assert str(settings.SecretUrl("no url")) == "…"


def test_a_backend_made_without_checks_has_no_address():
    with pytest.raises(ConfigError, match="url: is not set"):
        settings.Backend.model_construct(url=None, url_file=None).address()
