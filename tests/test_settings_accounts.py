"""Backend accounts in the settings: what is accepted, what is told, and what never is."""

from __future__ import annotations

import json

import pytest
from settings_parts import CANARY, GOOD, problems, told, written

from sidecar import app, settings

EMEA = "{name: emea, url: http://127.0.0.1:9001/mcp, bearer_token_file: FOLDER/emea}"
APAC = "{name: apac, url_file: FOLDER/apac}"


@pytest.fixture(autouse=True)
def files(tmp_path):
    texts = {
        "secret": "s" * 40,
        "emea": "t0ken",
        "apac": "http://127.0.0.1:9002/mcp",
        "bad": CANARY,
    }
    for name, text in texts.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)


def given(accounts: str, *names: str) -> str:
    """Good settings with these accounts, and an endpoint for each of the names."""
    endpoints = "".join(
        f"  - {{name: e{n}, token_hash: {str(n) * 64}, account: {name}}}\n"
        for n, name in enumerate(names)
    )
    text = GOOD.replace("audit:\n", f"{endpoints}audit:\n", 1) + f"accounts: [{accounts}]\n"
    return text + "endpoint_key_file: FOLDER/secret\n"


def test_an_endpoint_names_an_account_or_has_the_one_of_backend(tmp_path):
    loaded = settings.load(written(tmp_path, given(f"{EMEA}, {APAC}", "emea", "apac", "default")))
    assert [e.to_endpoint().account for e in loaded.endpoints] == ["", "emea", "apac", ""]
    assert list(app.backends(loaded)) == ["", "emea", "apac"]


def test_accounts_can_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SIDECAR_ACCOUNTS", json.dumps([{"name": "a", "url": "https://a.example"}]))
    assert settings.load(written(tmp_path, GOOD)).accounts[0].name == "a"


@pytest.mark.parametrize(
    ("accounts", "where", "what"),
    [
        (f"{EMEA}, {EMEA}", "accounts[1].name", "is used twice"),
        ("{name: default, url: http://a}", "accounts[0].name", "is the name of the account in"),
        ("{name: a b, url: http://a}", "accounts[0].name", "text should match pattern"),
        ("{url: http://a}", "accounts[0].name", "is required"),
        ("{name: a}", "accounts[0].url", "must be set, or url_file, and not both"),
        (
            "{name: a, url: http://a, url_file: FOLDER/apac}",
            "accounts[0].url",
            "must be set, or url_file, and not both",
        ),
        ("{name: a, url_file: FOLDER/bad}", "accounts[0].url_file", "holds no usable URL"),
        ("{name: a, url: http://u:p@a}", "accounts[0].url", "holds credentials"),
        (
            "{name: a, url: http://a, bearer_token_file: FOLDER/none}",
            "accounts[0].bearer_token_file",
            "is no file",
        ),
        ("{name: a, url: http://a, proxy: http://p}", "accounts[0].proxy", "is no setting"),
    ],
)
def test_an_account_that_cannot_be_used_is_told_with_its_place(tmp_path, accounts, where, what):
    (place, said), *more = told(written(tmp_path, given(accounts))).items()
    assert not more
    assert place.endswith(f" {where}")
    assert said.startswith(what)
    assert CANARY not in said


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("emae", "did you mean emea?"), ("x", "one of default, emea"), ("defalt", "did you mean def")],
)
def test_an_endpoint_whose_account_there_is_not_is_told_with_the_nearest(tmp_path, name, remedy):
    (problem,) = problems(written(tmp_path, given(EMEA, "emea", name)))
    assert problem.where.endswith("endpoints[2].account")
    assert problem.what == "is none of accounts"
    assert problem.remedy.startswith(remedy)


def test_an_account_that_is_wrong_itself_is_told_once_and_not_again_at_its_endpoint(tmp_path):
    found = problems(written(tmp_path, given("{name: emea}", "emea")))
    assert [problem.where.rpartition(" ")[2] for problem in found] == ["accounts[0].url"]
