"""Made-up values that must not come out: a start that leaks fails, and so does readiness later."""

from __future__ import annotations

from typing import Any

import pytest
from flow import CATALOG
from settings_parts import GOOD, written
from test_admin import listening

from sidecar import app, redaction, settings
from sidecar.errors import ConfigError
from sidecar.model import PersonalData, Tool
from sidecar.redaction import Key, Pseudonyms, Redactor, bypath, canaries, detect, leaves

TOOLS = [row.tool for row in CATALOG.rows]


def blind(monkeypatch: pytest.MonkeyPatch, entity: str) -> None:
    """Make the recognisers miss one entity."""
    honest = detect.detect

    def seen(*given: Any, **named: Any) -> Any:
        return [span for span in honest(*given, **named) if span.entity != entity]

    monkeypatch.setattr(detect, "detect", seen)


def test_nothing_leaks_of_any_tool_of_the_catalog_with_or_without_keys():
    keys = Pseudonyms((Key("k1", b"o" * 32),))
    assert Redactor(tools=TOOLS).leaks() == ()
    assert Redactor(keys, tools=TOOLS).leaks() == ()
    named = {p.entity for tool in TOOLS for p in tool.pii}
    tried = {p.entity for tool in canaries.Canaries(TOOLS)._tools for p in tool.pii}
    assert named == tried


@pytest.mark.parametrize("entity", ["EMAIL", "PHONE", "CARD", "TOKEN", "PIN"])
def test_a_recogniser_that_sees_nothing_is_found_out(monkeypatch, entity):
    blind(monkeypatch, entity)
    assert f"{entity} by its content" in Redactor().leaks()


def test_a_field_that_is_not_masked_is_found_out(monkeypatch):
    monkeypatch.setattr(bypath, "mask_paths", lambda *_: {})
    leaks = Redactor(tools=TOOLS).leaks()
    assert "a field of get_single_gladly_customer_by_id" in leaks or len(leaks) > 5
    assert all(leak.startswith("a field of ") for leak in leaks)


def test_one_field_of_many_that_is_not_masked_is_found_out(monkeypatch):
    """No canary is a word of another: a sweep would mask it in passing."""
    honest = bypath._mask

    def forgetful(place: Any, *rest: Any) -> None:
        if place.key != "b":
            honest(place, *rest)

    monkeypatch.setattr(bypath, "_mask", forgetful)
    tool = Tool("t", pii=(PersonalData("/a", "NAME"), PersonalData("/x/*/b", "NAME")))
    assert Redactor(tools=[tool]).leaks() == ("a field of t",)


def test_a_redactor_that_refuses_everything_is_found_out(monkeypatch):
    monkeypatch.setattr(leaves, "MAX_HITS", 0)
    assert len(Redactor(tools=TOOLS).leaks()) > 5


def test_patterns_that_end_inside_one_another_are_tried():
    tool = Tool("t", pii=(PersonalData("/a", "NAME"), PersonalData("/a/b", "NAME")))
    assert Redactor(tools=[tool]).leaks() == ()


def loaded(folder: Any, more: str = "") -> settings.Settings:
    for name in ("secret", "key"):
        (folder / name).write_text(name * 12)
        (folder / name).chmod(0o600)
    return settings.load(written(folder, GOOD + more))


def test_a_start_that_leaks_fails_and_says_what(tmp_path, monkeypatch):
    assert app.check(loaded(tmp_path)).redactor.leaks() == ()
    blind(monkeypatch, "CARD")
    with pytest.raises(ConfigError) as caught:
        app.check(loaded(tmp_path))
    (problem,) = caught.value.problems
    assert (problem.where, problem.what) == (
        "redaction",
        "let made-up data through: CARD by its content",
    )


MASKS = "site: {config: {masks: {EMAIL: pseudonym}}}\n"
RULE = """\
package site.rules.masks.mine

mask contains {"tool": "*", "entity": "NAME", "action": "pseudonym", "code": "masks.mine"}
"""


@pytest.mark.thorough
@pytest.mark.parametrize(("file", "text"), [("data.yaml", MASKS), ("mine.rego", RULE)])
def test_a_policy_that_asks_for_tokens_without_a_key_does_not_start(tmp_path, file, text):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / file).write_text(text)
    site = "policy: {site_folder: FOLDER/site}\n"
    with pytest.raises(ConfigError) as caught:
        app.check(loaded(tmp_path, site))
    (problem,) = caught.value.problems
    assert problem.where == "redaction.pseudonym_keys"
    assert "sidecar token secret" in problem.remedy
    keys = "redaction: {pseudonym_keys: [{id: k1, file: FOLDER/key}]}\n"
    made = app.check(loaded(tmp_path, site + keys)).redactor
    assert made.pseudonyms.token("EMAIL", "a@x.test") is not None


@pytest.mark.anyio
async def test_a_redactor_that_begins_to_leak_is_not_ready_and_then_is_again(tmp_path, monkeypatch):
    made = Redactor()
    async with listening(tmp_path, redactor=made) as (client, _, _):
        assert (await client.get("/readyz")).status_code == 200
        with monkeypatch.context() as broken:
            blind(broken, "EMAIL")
            assert (await client.get("/readyz")).status_code == 200  # told again, not tried again
            made._tried_at -= 60
            reply = await client.get("/readyz")
            assert reply.status_code == 503
            assert reply.text == "redaction let made-up data through: EMAIL by its content\n"
            assert (await client.get("/livez")).status_code == 200
        assert made.leaks() == ()
        assert (await client.get("/readyz")).status_code == 200


def test_the_made_redactor_takes_its_budget_from_the_settings(tmp_path):
    config = loaded(tmp_path, "redaction: {timeout_ms: 250}\n").redaction
    assert redaction.made(config, (), has_pseudonyms=False)._timeout == 0.25
