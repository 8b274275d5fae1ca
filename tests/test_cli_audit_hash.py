"""`sidecar audit hash`: a reviewer's way from an address to what the log holds of it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from console import Ran, sidecar
from settings_parts import GOOD, written

from sidecar.redaction import Key, Pseudonyms

pytestmark = pytest.mark.thorough

KEYS = Pseudonyms((Key("k2", b"n" * 32), Key("k1", b"o" * 32)))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, text in (("secret", "s" * 40), ("new", "n" * 32), ("old", "o" * 32)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    keys = "[{id: k2, file: FOLDER/new}, {id: k1, file: FOLDER/old}]"
    return written(tmp_path, f"{GOOD}redaction: {{pseudonym_keys: {keys}}}\n")


def asked(monkeypatch: pytest.MonkeyPatch, value: str, *words: str | Path) -> Ran:
    monkeypatch.setattr(sys, "stdin", io.StringIO(value))
    return sidecar("audit", "hash", *words)


@pytest.mark.parametrize(
    ("kind", "value", "entity", "canonical"),
    [
        ("email", "Jane@Example.com\n", "EMAIL", "jane@example.com"),
        ("phone", "(415) 555-2671", "PHONE", "+14155552671"),
        ("external-id", "CRM-7", "EXTERNAL_ID", "crm-7"),
        ("name", "Jane\n", "NAME", "jane"),
    ],
)
def test_one_token_for_each_key_is_printed_the_current_one_first(
    monkeypatch, config, kind, value, entity, canonical
):
    ran = asked(monkeypatch, value, "--type", kind, "-c", config)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == list(KEYS.tokens(entity, canonical))


@pytest.mark.parametrize(
    ("kind", "value", "is_told"),
    [
        ("email", "jane", True),
        ("email", "jane@x", True),
        ("email", "jane @ x.test", False),
        ("phone", "555", True),
        ("phone", "jane@x.test", True),
        ("phone", "+49 (0)30 901820 ext. 12", False),
        ("name", "7", False),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_warned_of(monkeypatch, config, kind, value, is_told):
    ran = asked(monkeypatch, value, "--type", kind, "-c", config)
    assert (ran.code, len(ran.out.splitlines())) == (0, 2)
    assert ("its token is of the text as it is" in ran.err) is is_told
    assert value not in ran.err


def test_a_reviewer_needs_the_key_alone_and_no_settings(monkeypatch, config):
    key = f"k1={config.parent / 'old'}"
    ran = asked(monkeypatch, "j@x.test", "--type", "email", "--key", key)
    assert ran.out.splitlines() == [KEYS.tokens("EMAIL", "j@x.test")[1]]


@pytest.mark.parametrize(
    ("value", "words", "said"),
    [
        ("1234", ["--type", "pin"], "has no tokens; one of:"),
        ("x", ["--type", "email", "--key", "nonsense"], "write --key ID=FILE"),
        (" \n", ["--type", "email", "--key", "k1=OLD"], "standard input: holds no value"),
        ("j@x.test", ["--type", "email", "--key", "k1=OLD.not"], "cannot be read"),
        ("j@x.test", ["--type", "email", "j@x.test"], "unexpected extra argument"),
    ],
)
def test_what_cannot_be_hashed_is_told_without_the_value(monkeypatch, config, value, words, said):
    words = [word.replace("OLD", str(config.parent / "old")) for word in words]
    ran = asked(monkeypatch, value, *words)
    assert ran.code == 2
    assert said in " ".join(ran.err.replace("│", " ").split())
    assert ran.out == ""


def test_settings_without_keys_are_told(monkeypatch, config):
    config.write_text(config.read_text().partition("redaction:")[0])
    ran = asked(monkeypatch, "j@x.test", "--type", "email", "-c", config)
    assert ran.code == 2
    assert "redaction.pseudonym_keys: is not set" in ran.err


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("[{id: K1, file: FOLDER/new}]", "redaction.pseudonym_keys"),
        ("[{id: k1, file: FOLDER/short}]", "has fewer than 32 bytes"),
        ("[{id: k1, file: FOLDER/new}, {id: k1, file: FOLDER/old}]", "use an id twice"),
    ],
)
def test_keys_that_cannot_be_used_are_told_at_start(config, keys, what):
    (config.parent / "short").write_text("too short")
    (config.parent / "short").chmod(0o600)
    text = config.read_text().partition("redaction:")[0]
    written(config.parent, f"{text}redaction: {{pseudonym_keys: {keys}}}\n")
    ran = sidecar("check", "-c", config)
    assert ran.code == 2
    assert what in ran.err
