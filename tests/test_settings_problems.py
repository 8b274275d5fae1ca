"""Problems of settings: all of them at once, with file and line, and never a value.

Over 300 lines: most are one line of YAML and what is told of it.
"""

import json
import os

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from settings_parts import CANARY, GOOD, HASH, problems, told, written

from sidecar import settings
from sidecar.errors import ConfigError


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


def test_every_problem_is_told_at_once_with_its_line_or_variable(folder, monkeypatch):
    monkeypatch.setenv("SIDECAR_LIMITS__STREAMS", CANARY)
    monkeypatch.setenv("SIDECAR_LISTEN_PORT", "1")
    file = written(
        folder,
        """\
        listen:
          port: 99999
        backend:
          url: http://127.0.0.1/mcp
          conect_timeout: 3
        endpoints:
          - name: a
            methods: [reads]
          - name: a
        policy:
          engine: opa
        """,
    )
    assert told(file) == {
        "sidecar.yaml:2 listen.port": "should be less than or equal to 65535",
        "sidecar.yaml:5 backend.conect_timeout": "is no setting",
        "sidecar.yaml:8 endpoints[0].methods[0]": "is no method",
        "sidecar.yaml:10 policy.opa_url": "is required when engine is opa",
        "sidecar.yaml:1 audit.folder": "is required",
        "SIDECAR_LIMITS__STREAMS": "should be a valid integer, "
        "unable to parse string as an integer",
        "SIDECAR_LISTEN_PORT": "is no setting",
    }


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("backend: {conect_timeout: 1}", "did you mean backend.connect_timeout?"),
        ("backnd: {}", "did you mean backend?"),
        ("request_bytes: 1", "did you mean limits.request_bytes?"),
        ("listen: {zzzzzz: 1}", "known here: certificate_file, host, "),
        ("_cli_parse_args: true", "known here: accounts, "),
    ],
)
def test_an_unknown_key_is_told_with_its_nearest_neighbour(folder, line, remedy):
    unknown = [p for p in problems(written(folder, line)) if p.what == "is no setting"]
    assert len(unknown) == 1
    assert unknown[0].remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("SIDECAR_LISTEN_PORT", "did you mean listen.port?"),
        ("SIDECAR_LIMTS__STREAMS", "did you mean limits.streams?"),
        ("SIDECAR_LISTEN__PROT", "did you mean listen.port?"),
    ],
)
def test_an_unknown_variable_is_told_by_its_name(folder, monkeypatch, name, remedy):
    monkeypatch.setenv(name, CANARY)
    (problem,) = problems(written(folder, GOOD))
    assert (problem.where, problem.remedy) == (name, remedy)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("backend: [", "sidecar.yaml:1", "is not YAML"),
        ("a: b: c", "sidecar.yaml:1", "is not YAML"),
        ("- a", "sidecar.yaml", "is not a mapping"),
        ("text", "sidecar.yaml", "is not a mapping"),
        ("a: *nowhere", "sidecar.yaml:1", "is not YAML"),
        ("log: {level: info}\nlog: {level: info}", "sidecar.yaml:2 log", "is set twice"),
        ("log: &a {level: info}\nlisten: *a", "sidecar.yaml:1 listen", "is an alias"),
        ("log: !!python/name:os.system {}", "sidecar.yaml:1 log", "has a tag"),
        ("? [a]\n: b", "sidecar.yaml:1", "has a key that is no text"),
        ("\x00", "sidecar.yaml", "is not YAML"),
        ("[" * 1000, "sidecar.yaml", "is not YAML"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_told_where(folder, text, where, what):
    found = [p for p in problems(written(folder, text)) if p.what.startswith(what)]
    assert [p.where for p in found] == [where]


def test_a_missing_file_and_one_that_is_no_text_are_told(folder):
    assert "cannot be read" in problems(folder / "none.yaml")[0].what
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert problems(folder / "binary.yaml")[0].what == "is not UTF-8 text"


def test_an_empty_file_lacks_what_is_required(folder):
    assert {p.what for p in problems(written(folder, "# nothing\n"))} >= {"is required"}


A_KEY_SET = "{issuer: i, jwks_url: https://i.example/keys}"
CROSS = [
    ("backend: {}", "backend.url", "must be set, or url_file"),
    ("backend: {url: http://a/b, url_file: FOLDER/secret}", "backend.url", "must be set, or"),
    ("backend: {url: ftp://a/b}", "backend.url", "is not an absolute http or https URL"),
    ("backend: {url: 'http://a:x/'}", "backend.url", "is not a URL"),
    ("backend: {url: 'http://a/#b'}", "backend.url", "holds a fragment"),
    ("backend: {url: http://u:p@a/b}", "backend.url", "holds credentials"),
    ("backend: {url_file: FOLDER/secret}", "backend.url_file", "holds no usable URL"),
    ("backend: {url: http://a/b, ca_file: FOLDER/none}", "backend.ca_file", "is no file"),
    (
        "backend: {url: http://a/b, client_key_file: FOLDER/secret}",
        "backend.client_certificate_file",
        "and client_key_file belong together",
    ),
    ("bearer: {audience: a, issuers: [{issuer: i}]}", "bearer.issuers[0].jwks_url", "or keys_file"),
    (
        "bearer: {audience: a, issuers: [{issuer: i, jwks_url: http://idp.example/k}]}",
        "bearer.issuers[0].jwks_url",
        "must be https",
    ),
    (
        "bearer: {audience: a, issuers: [{issuer: i, jwks_url: https://i/k, algorithms: [HS256]}]}",
        "bearer.issuers[0].algorithms",
        "do not fit",
    ),
    (
        "bearer: {audience: a, issuers: [{issuer: i, jwks_url: https://i/k, algorithms: [none]}]}",
        "bearer.issuers[0].algorithms[0]",
        "is no allowed signature algorithm",
    ),
    (
        "bearer: {audience: a, leeway: 121, issuers: [{issuer: i, jwks_url: https://i/k}]}",
        "bearer.leeway",
        "should be less than or equal to 120",
    ),
    (
        "endpoints: [{name: a, require_api_token_auth: false}]",
        "endpoints[0].require_api_token_auth",
        "must be true where neither token_hash nor token_file is set",
    ),
    ("endpoints: [{name: a}]", "endpoints[0]", "needs bearer tokens, and bearer is not set"),
    ("endpoints: []", "endpoints", "has no endpoint"),
    (f"endpoints: [{{name: a, token_hash: {HASH}}}]", "endpoint_key_file", "must be set where"),
    (
        "bearer: {audience: a, issuers: [%s, %s]}" % ((A_KEY_SET,) * 2),
        "bearer.issuers[1].issuer",
        "is listed twice",
    ),
    ("bearer: {audience: a, issuers: []}", "bearer.issuers", "has no issuer"),
    ("public_url: https://a.example/other", "public_url", "is not the URL of /mcp"),
    ("public_url: 'https://a.example\"x/mcp'", "public_url", "is not the URL of /mcp"),
    (
        "bearer: {audience: a, required_scopes: ['a b'], issuers: [{issuer: i, jwks_url: https://i/k}]}",
        "bearer.required_scopes[0]",
        "is no scope",
    ),
    (f"endpoints: [{{name: a}}, {{name: a, token_hash: {HASH}}}]", "endpoints[1].name", "is use"),
    (
        f"endpoints: [{{name: a, token_hash: {HASH}}}, {{name: b, token_hash: {HASH}}}]",
        "endpoints[1].token_hash",
        "is used twice",
    ),
    ("endpoints: [{name: a}, {name: b}]", "endpoints[1].token_hash", "is missing twice"),
    (
        f"endpoints: [{{name: a, token_hash: {HASH}, token_file: FOLDER/secret}}]",
        "endpoints[0].token_file",
        "is set beside token_hash",
    ),
    (
        "endpoints: [{name: a, token_file: FOLDER/secret}, {name: b, token_file: FOLDER/secret}]",
        "endpoints[1].token_file",
        "is used twice",
    ),
    (
        "endpoints: [{name: a, expires_at: 2027-01-01T00:00:00}]",
        "endpoints[0].expires_at",
        "should have timezone info",
    ),
    ("policy: {engine: opa}", "policy.opa_url", "is required when engine is opa"),
    ("policy: {engine: both}", "policy.opa_url", "is required when engine is both"),
    ("policy: {opa_url: 'unix://opa.sock'}", "policy.opa_url", "is no path of a socket"),
    ("policy: {opa_url: 'unix:///opa.sock?x'}", "policy.opa_url", "is no path of a socket"),
    ("policy: {opa_url: 'ftp://opa'}", "policy.opa_url", "is not an absolute http or https URL"),
    (
        "policy: {opa_client_key_file: FOLDER/secret}",
        "policy.opa_client_certificate_file",
        "and opa_client_key_file belong together",
    ),
    ("policy: {bundle_url: 'http://rules.example/b'}", "policy.bundle_url", "is not https"),
    (
        "policy: {bundle_url: 'https://rules.example/b', site_folder: FOLDER}",
        "policy.bundle_url",
        "and site_folder are both set",
    ),
    (
        "policy: {bundle_url: 'https://a.example/b', engine: opa, opa_url: 'unix:///o'}",
        "policy.bundle_url",
        "is for this process's engine",
    ),
    (f"policy: {{bundle_sha256: {'0' * 64}}}", "policy.bundle_sha256", "is of no use without"),
    ("policy: {site_folder: FOLDER/none}", "policy.site_folder", "is no folder"),
    ("catalog: {folders: [FOLDER/secret]}", "catalog.folders[0]", "is no folder"),
    ("audit: {folder: FOLDER/secret}", "audit.folder", "is no folder"),
    ("limits: {grace: nan}", "limits.grace", "should be a finite number"),
    ("admin: {port: 8080}", "admin.port", "is taken by listen"),
    ("listen: {host: 'a b'}", "listen.host", "is no host"),
    ("allowed_hosts: ['https://a']", "allowed_hosts[0]", "is no host"),
    ("allowed_origins: ['*']", "allowed_origins[0]", "is no origin"),
]


@pytest.mark.parametrize(("text", "place", "what"), CROSS)
def test_what_does_not_fit_together_is_told(folder, text, place, what):
    found = {p.where.partition(" ")[2]: p.what for p in problems(written(folder, text))}
    assert found[place].startswith(what)


@pytest.mark.parametrize(
    "text",
    [
        f"backend: {{url: 'ftp://a/{CANARY}'}}",
        f"backend: {{url: 'http://u:{CANARY}@a/'}}",
        f"backend: {{url: ['{CANARY}']}}",
        f"backend: {{url_file: '/nowhere/{CANARY}'}}",
        f"backend: {{proxy: '{CANARY}'}}",
        f"bearer: '{CANARY}'",
        f"bearer: {{issuers: [{{issuer: {{a: '{CANARY}'}}, jwks_url: '{CANARY}'}}]}}",
        f"endpoints: [{{name: 'a {CANARY}', token_hash: '{CANARY}', methods: ['{CANARY}']}}]",
        f"endpoints: '{CANARY}'",
        f"log: {{level: '{CANARY}', format: '{CANARY}'}}",
        f"https://a/{CANARY}: x",
        f"backend: {{https://a/{CANARY}}}",
        f"a: *{CANARY}",
        f"a: !{CANARY} b",
        f"a: '{CANARY}' '{CANARY}'",
        f"listen: {{port: '{CANARY}'}}",
        f"audit: {{folder: '/x', max_bytes: '{CANARY}'}}",
    ],
)
def test_no_problem_repeats_a_value(folder, text):
    found = problems(written(folder, text))
    assert CANARY not in "\n".join(map(str, found))


def test_no_problem_repeats_a_value_from_the_environment(folder, monkeypatch):
    for name in ("BACKEND__URL", "ENDPOINTS", "BEARER", "LISTEN__PORT", "NONE__SUCH", "LOG__LEVEL"):
        monkeypatch.setenv(f"SIDECAR_{name}", CANARY)
    found = problems(written(folder, GOOD))
    assert {p.where for p in found} >= {"SIDECAR_BACKEND__URL", "SIDECAR_ENDPOINTS"}
    assert CANARY not in "\n".join(map(str, found))


def test_the_error_holds_no_value_anywhere_on_its_chain(folder):
    with pytest.raises(ConfigError) as caught:
        settings.load(written(folder, f"backend: {{url: 'ftp://{CANARY}'}}"))
    error: BaseException | None = caught.value
    while error is not None:
        assert CANARY not in repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


LEAF = st.text(max_size=8) | st.integers() | st.booleans() | st.none() | st.floats()


KEYS = st.sampled_from(["backend", "url", "endpoints", "name", "log", "bearer"]) | st.text(
    max_size=4
)


VALUES = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


@pytest.mark.thorough
@given(st.text(max_size=60) | st.dictionaries(KEYS, VALUES, max_size=4).map(json.dumps))
@hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_in_the_file_is_settings_or_problems(tmp_path, text):
    file = tmp_path / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError):
        settings.load(file)


def test_what_this_user_cannot_read_is_told(folder, monkeypatch):
    """Asked of the system by `os.access`; the tests may run as root, who may read everything."""
    monkeypatch.setattr("sidecar.settings.kinds.os.access", lambda *_: False)
    text = GOOD + "policy:\n  site_folder: FOLDER/site\n"
    found = told(written(folder, text))
    assert set(found.values()) == {"cannot be read"}
    assert {where.partition(" ")[2] for where in found} == {
        "bearer.issuers[0].hs256_secret_file",
        "policy.site_folder",
    }


def test_without_a_file_problems_say_which_variable_to_set():
    found = {p.where: p.remedy for p in problems(None)}
    assert found == {
        "backend.url": "keep exactly one",
        "audit.folder": "set it, or SIDECAR_AUDIT__FOLDER",
        "endpoints": "set it, or SIDECAR_ENDPOINTS",
    }


@pytest.mark.parametrize("host", ["a/b", "a:b:c", "[::1]", "a:80"])
def test_an_address_is_a_name_or_an_ip_address_alone(folder, host):
    assert "is no host" in told(written(folder, f"listen: {{host: '{host}'}}")).values()
