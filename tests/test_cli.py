"""Every command: what it is for, and that a mistake is told in plain lines with exit code 2.

Over 300 lines by a few: the mistakes of all commands are told, and read, in one manner.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import jwt
import pytest
import yaml
from console import Ran, sidecar
from settings_parts import GOOD, written

from sidecar import __version__, cli, identity, settings
from sidecar.errors import BackendFailed
from sidecar.gladly import serve

pytestmark = pytest.mark.thorough

SECRET = "s3cret-" * 6
ISSUER = ("--issuer", "https://issuer.example", "--audience", "sidecar")


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    return file


def told(ran: Ran) -> list[str]:
    """The problems of a mistake: exit code 2, one line for each, nothing on the output."""
    head, *lines = ran.err.splitlines()
    assert (ran.code, ran.out) == (2, "")
    assert head.startswith(f"sidecar: {len(lines)} problem")
    assert all(line.startswith("  ") and ": " in line for line in lines)
    return [line.strip() for line in lines]


# ---- the command line itself


def test_the_version_is_printed():
    assert sidecar("version") == Ran(0, f"gladly-mcp-sidecar {__version__}\n", "")


@pytest.mark.parametrize(
    "words", [(), ("audit",), ("token",), ("endpoint",), ("gladly",), ("--help",)]
)
def test_a_command_without_its_word_prints_what_there_is(words):
    ran = sidecar(*words)
    assert ran.code == (0 if words == ("--help",) else 2)
    assert "Commands" in ran.out + ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("check", "--frob"),
        ("audit", "verify"),
        ("audit", "show", "log"),
        ("audit", "report", "log", "--since", "yesterday"),
        ("token", "new"),
        ("token", "new", "--ttl", "0"),
        ("gladly", "simulate", "--port", "99999"),
        ("gladly", "serve", "--url", "gladly", "--email", "a", "--token-file", "b"),
        ("demo", "--folder", __file__),
        ("up", "--org", "https://x.gladly.com", "--email", "a@b"),
        ("up", "--org", "x.gladly.com", "--email", "a@b"),
    ],
)
def test_a_wrong_word_is_a_usage_error(words):
    ran = sidecar(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert "--help" in ran.err


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (BackendFailed("gone"), 1, "sidecar: gone\n"),
        (FileNotFoundError(2, "No such file", "x"), 1, "sidecar: x: No such file\n"),
        (OSError(), 1, "sidecar: OSError\n"),
    ],
)
def test_what_a_command_cannot_help_is_told_in_one_line(monkeypatch, raised, code, says):
    def fail() -> None:
        raise raised

    monkeypatch.setattr("sidecar.cli.root.cli", fail)
    assert sidecar("version") == Ran(code, "", says)
    assert cli.cli is not fail


@pytest.mark.sockets
def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sidecar: 3 problems; nothing was started or changed\n")


# ---- check and serve


def test_the_check_of_good_settings_says_what_it_read(tmp_path, secret):
    ran = sidecar("check", "--config", written(tmp_path, GOOD))
    assert ran.code == 0
    settings_line, catalog, policy = ran.out.splitlines()
    assert settings_line == "settings: ok, 1 endpoint(s)"
    assert catalog.startswith("catalog: ok, ")
    assert policy.startswith("policy: ok, ")
    assert SECRET not in ran.out


@pytest.mark.parametrize("command", ["check", "serve"])
def test_every_problem_of_the_settings_is_told_at_once(tmp_path, command, secret):
    bad = GOOD.replace("methods: [read, create]", "methods: [reed]") + "lissten: 1\n"
    lines = told(sidecar(command, "--config", written(tmp_path, bad)))
    assert len(lines) == 2
    assert any("sidecar.yaml:" in line and "did you mean read?" in line for line in lines)
    assert any("did you mean listen" in line for line in lines)


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("content", [None, b"- a", b"\xff\xfe", b"a: [", b""])
def test_settings_that_cannot_be_read_are_one_problem_or_more(tmp_path, command, content):
    file = tmp_path / "settings.yaml"
    if content is not None:
        file.write_bytes(content)
    assert told(sidecar(command, "-c", file))


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_folder_instead_of_settings_is_a_problem(tmp_path, command):
    (line,) = told(sidecar(command, "-c", tmp_path))
    assert line.startswith(f"{tmp_path}: cannot be read")


def test_a_rule_that_does_not_parse_is_told_with_its_line(tmp_path, secret):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "hours.rego").write_text("package site.rules.access.hours\n\ndeny {\n")
    more = "policy: {site_folder: FOLDER/site}\n"
    (line,) = told(sidecar("check", "-c", written(tmp_path, GOOD + more)))
    assert line.startswith(f"{tmp_path}/site/hours.rego:3: ")


def test_serving_with_a_bad_rule_starts_nothing(tmp_path, secret):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "hours.rego").write_text("package")
    more = "policy: {site_folder: FOLDER/site}\n"
    assert told(sidecar("serve", "-c", written(tmp_path, GOOD + more)))
    assert not (tmp_path / "audit").exists()


# ---- token


def test_a_new_secret_is_long_random_and_for_its_owner_alone(tmp_path):
    ran = sidecar("token", "secret", tmp_path / "a")
    sidecar("token", "secret", tmp_path / "b")
    text = (tmp_path / "a").read_text()
    assert ran == Ran(0, f"wrote {tmp_path / 'a'}\n", "")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert len(text.strip()) == 43
    assert text != (tmp_path / "b").read_text()


def test_an_existing_secret_is_kept(secret):
    (line,) = told(sidecar("token", "secret", secret))
    assert line == f"{secret}: exists already (name a new file)"
    assert secret.read_text() == SECRET


def test_a_secret_that_cannot_be_made_is_a_problem(tmp_path):
    (line,) = told(sidecar("token", "secret", tmp_path / "no" / "folder"))
    assert "cannot be made" in line
    assert told(sidecar("token", "secret", tmp_path))


def test_a_new_token_is_what_was_asked_for(secret):
    ran = sidecar("token", "new", "--secret-file", secret, *ISSUER, "--subject", "ann",
                  "--role", "a", "--role", "b", "--ttl", "60",
                  "--scope", "x", "--scope", "y")  # fmt: skip
    claims = jwt.decode(ran.out.strip(), SECRET, ["HS256"], audience="sidecar")
    assert ran.code == 0
    assert (claims["sub"], claims["roles"]) == ("ann", ["a", "b"])
    assert claims["scope"] == "x y"
    assert claims["exp"] - claims["iat"] == 60
    assert SECRET not in ran.out + ran.err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("", "is empty"),
        ("short-c4n4ry", "fewer than 32 bytes"),
        ("-----BEGIN PRIVATE KEY-----\nc4n4ry\n-----END PRIVATE KEY-----", "another kind"),
        ("c4n4ry" * 20_000, "too large"),
    ],
)
def test_a_secret_that_cannot_sign_is_a_problem_and_not_shown(tmp_path, content, says):
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    (line,) = told(sidecar("token", "new", "--secret-file", file, *ISSUER))
    assert line.startswith(f"{file}: ")
    assert says in line
    assert "c4n4ry" not in line


def test_a_secret_that_everybody_can_write_is_a_problem(secret):
    secret.chmod(0o666)
    (line,) = told(sidecar("token", "new", "--secret-file", secret, *ISSUER))
    assert "chmod o-w" in line


def test_a_folder_instead_of_a_secret_is_a_problem(tmp_path):
    assert told(sidecar("token", "new", "--secret-file", tmp_path, *ISSUER))


def test_an_empty_name_in_a_token_is_a_problem(secret):
    words = ("--issuer", "", "--audience", "", "--subject", "")
    lines = told(sidecar("token", "new", "--secret-file", secret, *words))
    assert len(lines) == 3


# ---- endpoint


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ((), {"methods": ("read",), "tags": (), "require_api_token_auth": True}),
        (
            ("--method", "read", "--method", "create", "--tag", "tasks", "--no-token-auth"),
            {"methods": ("read", "create"), "tags": ("tasks",), "require_api_token_auth": False},
        ),
    ],
)
def test_a_new_endpoint_is_yaml_that_loads_and_a_path_that_is_shown_once(
    tmp_path, secret, words, scope
):
    ran = sidecar("endpoint", "new", "--key-file", secret, "mine", *words)
    assert ran.code == 0
    without = yaml.safe_load(GOOD.replace("FOLDER", str(tmp_path)))
    file = tmp_path / "sidecar.yaml"
    key = {"endpoint_key_file": str(secret)}
    file.write_text(yaml.safe_dump(without | key | yaml.safe_load(ran.out)))
    (endpoint,) = settings.load(file).endpoints
    token = ran.err.strip().partition("/mcp/")[2]
    assert endpoint.token_hash == identity.endpoint_hash(token, SECRET)
    assert {name: getattr(endpoint, name) for name in scope} == scope
    assert (ran.err.count(token), ran.out.count(token)) == (1, 0)


def test_two_endpoints_have_different_tokens(secret):
    words = ("endpoint", "new", "--key-file", secret, "a")
    assert sidecar(*words).out != sidecar(*words).out


def test_an_endpoint_without_a_key_is_not_made(tmp_path):
    (line,) = told(sidecar("endpoint", "new", "--key-file", tmp_path / "none", "a"))
    assert line.startswith(f"{tmp_path / 'none'}: cannot be read")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("",), "name"),
        (("a b",), "name"),
        (("mine", "--method", "reed"), "methods.0"),
        (("mine", "--tag", ""), "tags.0"),
    ],
)
def test_an_endpoint_that_the_settings_would_refuse_is_not_made(secret, words, place):
    (line,) = told(sidecar("endpoint", "new", "--key-file", secret, *words))
    assert line.startswith(f"{place}: ")


def test_a_tag_that_no_tool_has_is_warned_of_with_the_one_that_is_meant(secret):
    ran = sidecar(
        "endpoint", "new", "--key-file", secret, "mine", "--tag", "custmers", "--tag", "tasks"
    )
    assert ran.code == 0
    assert yaml.safe_load(ran.out)["endpoints"][0]["tags"] == ["custmers", "tasks"]
    warning, path = ran.err.splitlines()
    assert warning == (
        "warning: no tool of the library has the tag custmers; did you mean customers?"
    )
    assert path.startswith("path, shown only now")


def test_an_endpoint_that_is_over_already_is_not_made(secret):
    ran = sidecar("endpoint", "new", "--key-file", secret, "mine", "--expires-at", "2020-01-01")
    assert (ran.code, ran.out) == (2, "")
    assert "that is over already" in ran.err
    assert "/mcp/" not in ran.err
    later = sidecar(
        "endpoint", "new", "--key-file", secret, "mine", "--expires-at", "2999-01-01T12:00:00"
    )
    assert (later.code, "2999-01-01T12:00:00+00:00" in later.out) == (0, True)


# ---- gladly


@pytest.mark.parametrize("command", ["simulate", "serve"])
def test_a_gladly_token_that_cannot_be_read_is_a_problem(tmp_path, command):
    needed = ("--url", "https://a.gladly.com", "--email", "a@b") if command == "serve" else ()
    for file in (tmp_path / "none", tmp_path):
        (line,) = told(sidecar("gladly", command, *needed, "--token-file", file))
        assert line.startswith(f"{file}: ")


def test_the_simulator_is_run_on_the_terms_that_are_asked_for(secret, monkeypatch):
    asked = {}
    monkeypatch.setattr(serve, "run_simulator", lambda *_, **terms: asked.update(terms))
    words = "--no-retry-after --no-compliance-admin --latency-ms 250 --reports-per-minute 3"
    ran = sidecar(
        "gladly", "simulate", "--token-file", secret, "--seed", "other", "--rate", "5",
        *words.split(),
    )  # fmt: skip
    assert ran.code == 0
    assert (asked["world"].seed, asked["world"].is_compliance_admin) == ("other", False)
    assert (asked["rate"], asked["reports_per_minute"]) == (5, 3)
    assert (asked["latency"], asked["has_retry_after"]) == (0.25, False)
    assert asked["credential"] == ("api@example.com", SECRET)


def test_an_unreadable_file_is_a_problem_for_a_user_without_rights(tmp_path, secret):
    if os.geteuid() == 0:
        pytest.skip("NOT TESTED: root reads everything")
    secret.chmod(0)
    assert told(sidecar("token", "new", "--secret-file", secret, *ISSUER))
