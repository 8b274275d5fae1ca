"""Policy on trial: told of in events and counts, and without effect whatever it does.

Over 300 lines: what a trial may do wrong is one table of claims.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_parts import TOOL, Fixed, answer, facts, put, told
from flow import BUNDLE, Flow, ask, call, flow, tool_list, tool_result
from hypothesis import given
from test_policy_decide import ANSWERS

from sidecar.errors import ConfigError, OrganDown
from sidecar.model import Decision, Shadow
from sidecar.policy import Bundle, Embedded, Policy, load, promoted, shadow_rules
from sidecar.policy.shadow import live
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

READ = "list_all_gladly_tasks"
WRITE = "create_a_gladly_customer"
DENIAL = {"group": "access", "code": "access.mine", "message": "m", "remedy": "r"}
MASK = {"code": "masks.x", "entity": "EMAIL", "action": "mask"}
HOURS = """package site.rules.access.hours

import data.sidecar.lib.query.tools

deny contains object.union(_told, {"tool": tool.name}) if {
	some tool in tools
	tool.method == "list"
}

_told := {"code": "access.hours", "message": "Closed.", "remedy": "Come back."}
"""
BROKEN = """package site.rules.access.hours

deny contains {"tool": "*", "code": count(input.tools), "message": "m", "remedy": "r"} if {
	input.caller.subject == "agent-1"
}
"""
FAILING = """package site.rules.access.hours

deny contains {"tool": "*", "code": "c", "message": "m", "remedy": "r"} if {
	input.caller.subject == "agent-1"
	to_number(input.caller.subject) > 3
}
"""


def site(folder: Path, rego: str = HOURS, names: str = "[access.hours]") -> Bundle:
    """The library and a site of one rule, which stands in shadow."""
    data = f"site: {{config: {{shadow_rules: {names}}}}}\n"
    return load(shipped("policies"), put(folder / "site", {"h.rego": rego, "data.yaml": data}))


def counting(bundle: Bundle) -> Bundle:
    """The same with its rules out of shadow."""
    whole = promoted(bundle)
    assert whole is not None
    return whole


def adopt(f: Flow, bundle: Bundle, candidate: Bundle | None = None) -> None:
    """Let a flow decide by a bundle from now on, with what it has on trial."""
    trial = candidate or promoted(bundle)
    policy = f.road._organs.policy
    policy.adopt(Embedded(bundle), Embedded(trial) if trial else None)


def counted(f: Flow) -> dict[str, int]:
    return dict(f.counts.shadow)


@pytest.mark.anyio
async def test_a_rule_in_shadow_refuses_nobody_and_is_told_in_events_and_counts(
    tmp_path,
):
    bundle = site(tmp_path)
    async with flow(tmp_path) as f:
        adopt(f, bundle)
        f.backend.reply = tool_result({"result": []})
        assert (await f.ask(call(READ))).json()["result"]["isError"] is False
        await f.ask(call("get_single_gladly_task_by_id", id="x"))
        intent, same = f.events("intent")
        assert intent["decision"]["denials"] == []
        assert intent["decision"]["policy_sha256"] == bundle.sha256
        assert intent["decision"]["shadow"] == {
            "policy_sha256": counting(bundle).sha256,
            "result": "deny",
            "denials": ["access.hours"],
        }
        assert f.events("outcome")[0]["decision"]["shadow"] == intent["decision"]["shadow"]
        assert same["decision"]["shadow"]["result"] == "same"
        assert counted(f) == {"deny": 1, "same": 1}


@pytest.mark.anyio
async def test_a_rule_is_promoted_by_taking_its_name_away(tmp_path):
    shadowed = site(tmp_path)
    site_folder = tmp_path / "site"
    (site_folder / "data.yaml").write_text("site: {config: {shadow_rules: []}}\n")
    bundle = load(shipped("policies"), site_folder)
    assert bundle.sha256 == counting(shadowed).sha256
    async with flow(tmp_path) as f:
        adopt(f, bundle)
        await f.ask(call(READ))
        assert f.outcome["decision"]["denials"][0]["code"] == "access.hours"
        assert "shadow" not in f.outcome["decision"]
        assert f.backend.sent == []


@pytest.mark.anyio
async def test_a_rule_of_the_library_in_shadow_has_no_say_and_is_told(tmp_path):
    config = {"shadow_rules": ["access.destructive"]}
    bundle = replace(BUNDLE, data={**BUNDLE.data, "site": {"config": config}})
    async with flow(tmp_path) as f:
        adopt(f, bundle)
        f.backend.reply = tool_result({})
        await f.ask(call("delete_a_gladly_customer_by_id", id="x"))
        shadow = f.outcome["decision"]["shadow"]
        assert (shadow["result"], shadow["denials"]) == ("deny", ["access.destructive"])
        assert len(f.backend.sent) == 1


@pytest.mark.anyio
async def test_a_list_stays_whole_and_tells_what_would_be_hidden(tmp_path):
    async with flow(tmp_path) as f:
        adopt(f, site(tmp_path))
        f.backend.reply = tool_list(READ, WRITE)
        listed = (await f.ask(ask("tools/list"))).json()["result"]["tools"]
        assert [tool["name"] for tool in listed] == [READ, WRITE]
        shadow = f.outcome["decision"]["shadow"]
        assert (shadow["result"], shadow["hidden_tools"]) == ("deny", [READ])
        assert shadow["hidden_total"] == 1
        assert counted(f) == {"deny": 1}


@pytest.mark.anyio
@pytest.mark.parametrize(("rego", "result"), [(BROKEN, "deny"), (FAILING, "failed")])
async def test_a_rule_in_shadow_that_breaks_when_reached_stops_no_call(tmp_path, rego, result):
    async with flow(tmp_path) as f:
        adopt(f, site(tmp_path, rego))
        f.backend.reply = tool_result({"result": []})
        assert (await f.ask(call(READ))).json()["result"]["isError"] is False
        assert f.outcome["decision"]["shadow"]["result"] == result
        assert counted(f) == {result: 1}


@pytest.mark.anyio
async def test_the_same_rule_that_counts_stops_every_call(tmp_path):
    async with flow(tmp_path) as f:
        adopt(f, counting(site(tmp_path, BROKEN)))
        assert "error" in (await f.ask(call(READ))).json()
        adopt(f, counting(site(tmp_path, FAILING)))
        assert (await f.ask(call(READ))).status_code == 503
        assert f.backend.sent == []


def judged(live_answer: Any, candidate: Any, *, times: int = 1, timeout: float = 1.0) -> Decision:
    """The last of several decisions with a candidate beside the engine."""
    engine = Fixed(live_answer)
    policy = Policy(engine, timeout, candidate)

    async def ask_often() -> Decision:
        for _ in range(times - 1):
            await policy.decide(facts())
        return await policy.decide(facts())

    return asyncio.run(ask_often())


def shadow_of(live_answer: Any, would: Any) -> Shadow:
    found = judged(live_answer, Fixed(would)).shadow
    assert found is not None
    return found


@given(candidate=ANSWERS)
def test_no_answer_of_a_candidate_changes_a_decision(candidate):
    alone = judged(answer(masks=(MASK,)), None)
    beside = judged(answer(masks=(MASK,)), Fixed(candidate))
    assert replace(beside, shadow=None) == alone
    assert beside.shadow is not None


class Raising(Fixed):
    """An engine that fails in a given way, and counts how often it was asked."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__(None)
        self.error = error
        self.asked = 0

    async def evaluate(self, document: dict[str, Any]) -> Any:
        self.asked += 1
        if self.error is None:
            return await asyncio.Event().wait()
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OrganDown("x", reason="policy_failed"), "policy_failed"),
        (ZeroDivisionError("x"), "shadow_ZeroDivisionError"),
        (None, "policy_timed_out"),
    ],
)
def test_a_candidate_that_fails_is_told_and_has_no_effect(error, reason):
    made = judged(answer(), Raising(error), timeout=0.01)
    assert made.of(TOOL.name).is_allowed
    assert made.shadow == Shadow(Fixed.policy_sha256, "failed", reason)


def test_a_candidate_that_fails_ten_times_in_a_row_is_asked_no_more(capsys):
    failing = Raising(OrganDown("x", reason="policy_failed"))
    made = judged(answer(), failing, times=12)
    assert failing.asked == 10
    assert made.of(TOOL.name).is_allowed
    assert made.shadow == Shadow(Fixed.policy_sha256, "failed", "shadow_stopped")
    assert capsys.readouterr().out.count("the policy in shadow fails") == 2


def test_a_candidate_that_takes_longer_than_a_decision_may_is_asked_once():
    class Slow(Raising):
        async def evaluate(self, document: dict[str, Any]) -> Any:
            self.asked += 1
            sum(range(2_000_000))
            return answer()

    slow = Slow(None)
    made = judged(answer(), slow, times=3, timeout=0.001)
    assert slow.asked == 1
    assert made.of(TOOL.name).is_allowed
    assert made.shadow == Shadow(Fixed.policy_sha256, "failed", "shadow_stopped")


def test_the_next_candidate_begins_anew():
    async def run() -> Shadow | None:
        policy = Policy(Fixed(answer()), 1.0, Raising(ValueError()))
        for _ in range(11):
            await policy.decide(facts())
        policy.adopt(policy.engine, Fixed(answer()))
        return (await policy.decide(facts())).shadow

    assert asyncio.run(run()) == Shadow(Fixed.policy_sha256, "same")


REFUSED = answer(denials=(DENIAL,))


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (answer(), answer(), {"result": "same"}),
        (answer(), REFUSED, {"result": "deny", "denials": ("access.mine",)}),
        (REFUSED, answer(), {"result": "allow", "lifted": ("access.mine",)}),
        (REFUSED, REFUSED, {"result": "same"}),
        (answer(), answer(()), {"result": "deny", "withdrawn": ("g",)}),
        (answer(), answer(grants=("g", "h")), {"result": "same", "grants": ("h",)}),
        (answer(), answer(masks=(MASK,)), {"result": "mask", "masks": ("EMAIL mask",)}),
        (answer(masks=(MASK,)), answer(), {"result": "mask", "masks": ("EMAIL none",)}),
        (
            answer(masks=(MASK,)),
            answer(masks=(MASK | {"code": "masks.y"},)),
            {"result": "same"},
        ),
        (
            REFUSED,
            answer((), masks=(MASK,)),
            {"result": "same", "lifted": ("access.mine",), "withdrawn": ("g",)},
        ),
    ],
)  # fmt: skip
def test_what_would_change_is_said_by_codes_and_masks(now, then, said):
    assert shadow_of(now, then) == Shadow(Fixed.policy_sha256, **said)


def test_what_is_told_of_a_list_has_an_end():
    tools = [replace(TOOL, name=f"tool_{n}") for n in range(30)]
    shows = answer() | {"grants": [{"tool": tool.name, "code": "g"} for tool in tools]}
    policy = Policy(Fixed(shows), 1.0, Fixed(answer(grants=())))
    shadow = asyncio.run(policy.decide(facts(*tools, method="tools/list"))).shadow
    assert shadow is not None
    assert (shadow.result, len(shadow.hidden), shadow.hidden_total) == ("deny", 20, 30)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("[access.hour]", "access.hour is no rule (did you mean access.hours?)"),
        ("[access.destructiv]", "access.destructiv is no rule (did you mean access.destructive?)"),
        ("[site.access.hours]", "site.access.hours is no rule (did you mean access.hours?)"),
        ("access.hours", "site.config.shadow_rules is no list"),
    ],
)
def test_a_name_in_shadow_that_is_no_rule_is_refused(tmp_path, names, says):
    data = f"# ours\nsite:\n  config:\n    shadow_rules: {names}\n"
    (line,) = told(tmp_path, {"h.rego": HOURS, "data.yaml": data})
    assert line.startswith("data.yaml:4: ")
    assert says in line


def test_a_rule_in_shadow_that_the_rehearsal_breaks_is_refused_with_its_place(tmp_path):
    rego = BROKEN.replace("agent-1", "rehearsal")
    data = "site: {config: {shadow_rules: [access.hours]}}\n"
    (line,) = told(tmp_path, {"h.rego": rego, "data.yaml": data})
    assert line.startswith("h.rego:")
    assert "cannot be read" in line


def test_the_modules_of_a_rule_in_shadow_are_not_evaluated(tmp_path):
    bundle = site(tmp_path)
    assert shadow_rules(bundle) == ("access.hours",)
    assert len(live(bundle).modules) == len(bundle.modules) - 1
    assert live(bundle).sha256 == bundle.sha256
    whole = counting(bundle)
    assert live(whole) is whole
    assert promoted(whole) is None


@pytest.mark.parametrize(
    "start",
    [
        "\n\ndeny contains denial if some denial in data.site.rules.access.hours.deny\n",
        '\n\ndeny contains denial if some denial in data.site["rul\\u0065s"].access.hours.deny\n',
        " import data.site.rules.access.hours as h\n\ndeny contains one if some one in h.deny\n",
    ],
)
def test_a_rule_in_shadow_that_another_module_reads_stays_for_that(tmp_path, start):
    other = f"package site.rules.access.other{start}"
    data = "site: {config: {shadow_rules: [access.hours]}}\n"
    files = {"h.rego": HOURS, "o.rego": other, "data.yaml": data}
    bundle = load(shipped("policies"), put(tmp_path / "site", files))
    assert live(bundle) is bundle
    made = asyncio.run(Policy(Embedded(bundle), 5.0).decide(facts()))
    assert [denial.code for denial in made.of(TOOL.name).denials] == ["access.hours"]


def test_a_module_is_known_by_its_package_and_not_by_a_text_in_it(tmp_path):
    rego = f" {HOURS}\n_text := `\npackage site.rules.access.other\n`\n"
    with pytest.raises(ConfigError, match="other is no rule"):
        site(tmp_path, rego, "[access.other]")


@pytest.mark.parametrize(
    "names", [["access.hours"], ["access.methods"], ["access.methods", "access.hours"]]
)
def test_a_rule_leaves_no_trace_in_a_decision_while_it_is_in_shadow(tmp_path, names):
    bundle = site(tmp_path, HOURS, f"[{', '.join(names)}]")
    made = asyncio.run(Policy(Embedded(bundle), 5.0).decide(facts())).of(TOOL.name)
    codes = {*made.grants, *(denial.code for denial in made.denials)}
    assert codes == {"access.hours", "access.methods"} - {*names}
