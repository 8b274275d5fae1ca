"""`sidecar policy`: check, test, build and init, run whole.

What the commands stand on is reached through them: `sidecar.review`, `sidecar.review.checking`,
`sidecar.review.names`, `sidecar.review.examples`, `sidecar.policy.checking.checks`,
`sidecar.policy.checking.metadata`, `sidecar.policy.checking.silence`,
`sidecar.policy.checking.words`, `sidecar.policy.checking.trials`, and
`sidecar.policy.checking.cycles`.
Over 300 lines: each is one small folder of rules and what the commands say of it.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import orjson
import pytest
import tools
from console import Ran, sidecar
from engine_parts import put
from flow import CATALOG
from rego_parts import changed, decide, engine_of, rule_tests
from settings_parts import GOOD, written

from sidecar import settings
from sidecar.policy import bundling, load
from sidecar.policy.checking import coverage, starter

pytestmark = pytest.mark.thorough

LIBRARY = settings.shipped("policies")
METADATA = """# METADATA
# title: Mine
# description: Keeps contractors from exports.
"""
CUSTOM = """# custom:
#   code: access.mine
#   message: "No."
#   remedy: Ask.
"""
DENY = '{"tool": tool.name, "code": "access.mine", "message": "No.", "remedy": "Ask."}'
BODY = """	"contractor" in roles
	some tool in tools
	"export" in tool.tags
"""
IMPORTS = "import data.sidecar.lib.query.roles\nimport data.sidecar.lib.query.tools\n"


def rule(body: str = BODY, more: str = "") -> str:
    head = f"{METADATA}package site.rules.access.mine\n\n{IMPORTS}\n"
    return f"{head}{METADATA}{CUSTOM}deny contains {DENY} if {{\n{body}}}\n{more}"


OPTIONAL = next(
    (row.tool.name, name)
    for row in CATALOG.rows
    for name, schema in row.input_schema["properties"].items()
    if schema.get("type") == "string"
    and not any(name in example.arguments for example in row.examples)
)
"""A tool, and an argument of it that is in none of its examples."""

TEST = """package site.tests.mine_test

import data.sidecar.example_test as example
import data.site.rules.access.mine

_asked(role, tag) := example.with_roles(example.with_tool({"tags": [tag]}), [role])

test_denies_exports if count(mine.deny) == 1 with input as _asked("contractor", "export")

test_allows_others if mine.deny == set() with input as _asked("staff", "export")
"""


@pytest.fixture(autouse=True)
def _no_opa_on_the_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def check(folder: Path, *words: str | Path) -> Ran:
    return sidecar("policy", "check", folder, *words)


def told(ran: Ran, folder: Path) -> list[str]:
    return ran.err.replace(f"{folder}/", "").splitlines()


# ---- check


def test_a_good_folder_and_the_library_pass(tmp_path: Path):
    site = put(tmp_path, {"mine.rego": rule(), "mine_test.rego": TEST})
    ran = check(site, "--strict")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"policy: ok, 1 rules in {site}, sha256 ")
    whole = sidecar("policy", "check", "--strict")
    assert (whole.code, whole.err) == (0, "")
    assert "in the library" in whole.out


def test_a_typo_in_the_name_of_a_tool_a_tag_or_an_argument_is_an_error(tmp_path: Path):
    asked = "package site.rules.arguments.mine\n\nimport data.sidecar.lib.query.tools\n\n"
    site = put(
        tmp_path,
        {
            "mine.rego": rule('	some tool in tools\n	tool.name == "list_all_gladly_agnts"\n'),
            "tags.rego": rule('	some tool in tools\n	"exprot" in tool.tags\n'),
            "args.rego": f"{asked}deny contains {DENY} if {{\n"
            "	some tool in tools\n	input.arguments.custmer_id\n}\n",
            "data.yaml": "site:\n  config:\n    bulk_tags: [export, exprt]\n",
        },
    )
    ran = check(site)
    assert ran.code == 1
    said = [line for line in told(ran, site) if not line.startswith("warning")]
    assert said[:4] == [
        "args.rego:7: the catalog has no argument custmer_id (did you mean customer_id?)",
        (
            "mine.rego:18: the catalog has no tool list_all_gladly_agnts"
            " (did you mean list_all_gladly_agents?)"
        ),
        "tags.rego:18: the catalog has no tag exprot (did you mean export?)",
        "data.yaml:3: the catalog has no tag exprt (did you mean export?)",
    ]
    assert "problem(s)" in said[4]


def test_all_problems_of_all_kinds_are_told_at_once(tmp_path: Path):
    site = put(
        tmp_path,
        {
            "a.rego": "package site.rules.acess.a\n\nx := 1\n",
            "b.rego": "package site.rules.access.b\n\ndeny := {\n",
            "c.rego": rule("	some tool in tools\n	regex.match(`^\\w+$`, tool.name)\n"),
            "c_test.rego": "package site.tests.c\n\ntest_x if http.send({})\n",
            "data.yaml": "site:\n  config:\n    bulk_role: []\n",
        },
    )
    ran = check(site)
    assert ran.code == 1
    places = [line.split(": ")[0] for line in told(ran, site) if not line.startswith("warning")]
    assert set(places[:-1]) == {"a.rego:1", "b.rego:4", "c.rego:18", "c_test.rego:3", "data.yaml:3"}


def test_a_rule_that_no_example_can_fire_is_a_warning_with_its_own_line(tmp_path: Path):
    never = f'\ndeny contains {DENY} if {{\n	some tool in tools\n	tool.effect == "reed"\n}}\n'
    site = put(tmp_path, {"mine.rego": rule(more=never)})
    ran = check(put(site, {"typo.rego": rule('	some tool in tools\n	tool.name == "no"\n')}))
    assert ran.code == 1
    assert [line.split(": ")[-3] for line in told(ran, site) if "is silent" in line] == [
        "mine.rego:22"
    ]
    (site / "typo.rego").unlink()
    ran = check(site)
    assert ran.code == 0
    assert [line.split(" is silent")[0] for line in told(ran, site)] == [
        "warning: mine.rego:22: access.mine.deny",
        "policy: 0 problem(s), 1 warning(s)",
    ]
    assert check(site, "--strict").code == 1


@pytest.mark.parametrize(
    "condition",
    [
        'input.caller.purpose == "audit"',
        'input.caller.claims.department == "sales"',
        'input.endpoint.name in {"night", "day"}',
        "input.recent.calls > 77",
        "not input.caller.authenticated",
        "time.weekday(time.parse_rfc3339_ns(input.time)) == `Sunday`",
        "not tool.pinned",
        "not tool.known",
        'tool.name == "prompts/get"',
        'lower(input.caller.purpose) == "audit"',
        'object.get(input.caller.claims, ["of", "team"], "") == "blue"',
        'some claim in input.caller.claims.groups\n	claim == "sales"',
        'input.caller.on_behalf_of != ""\n	team := input.caller.claims.team\n	team == "red"',
        '"lead" in input.caller.roles; input.caller.purpose == "a"; input.recent.writes == 3',
    ],
)
def test_what_a_variant_of_an_example_fires_is_not_silent(tmp_path: Path, condition: str):
    one = f"	some tool in tools\n	{condition}\n"
    site = put(tmp_path, {"mine.rego": rule(one)})
    assert told(check(site), site) == []


def test_an_argument_that_no_example_gives_is_tried_all_the_same(tmp_path: Path):
    name, argument = OPTIONAL
    body = f'\tsome tool in tools\n\ttool.name == "{name}"\n\tinput.arguments.{argument}\n'
    later = f'{body}	time.weekday(time.parse_rfc3339_ns(input.time)) == "Friday"\n'
    text = rule(body).replace("rules.access", "rules.arguments")
    text += f"\ndeny contains {DENY} if {{\n{later}}}\n"
    site = put(tmp_path, {"mine.rego": text})
    assert told(check(site), site) == []


def test_head_and_body_on_one_line_are_told_apart(tmp_path: Path):
    short = '{"tool": "*", "code": "access.mine", "message": "No.", "remedy": "Ask."}'
    more = f'\ndeny contains {short} if input.caller.purpose == "night"\n'
    never = f'\ndeny contains {short} if input.caller.authenticated == "yes"\n'
    site = put(tmp_path, {"mine.rego": rule(more=more + never)})
    assert next(line.split(": ")[1] for line in told(check(site), site)) == "mine.rego:24"


def test_a_denial_in_a_package_that_nothing_asks_is_an_error(tmp_path: Path):
    put(tmp_path, {"a.rego": rule().replace("site.rules.", "site.rule.")})
    told = check(tmp_path)
    assert told.code == 1
    assert "package site.rule.access.mine gives deny, which nothing asks for" in told.err
    assert "(package site.rules.<group>.<rule>)" in told.err


def test_a_denial_that_another_rule_reads_may_lie_anywhere_below_site(tmp_path: Path):
    shared = rule().replace("site.rules.access.mine", "site.lib.mine")
    reads = rule("\tsome tool in tools\n\tcount(data.site.lib.mine.deny) > 0\n")
    put(tmp_path, {"a.rego": shared, "b.rego": reads})
    assert "nothing asks for" not in check(tmp_path).err


def test_a_name_that_was_not_imported_is_told_with_what_to_import(tmp_path: Path):
    put(tmp_path, {"a.rego": rule().replace("import data.sidecar.lib.query.tools\n", "")})
    assert "`tools` is unsafe (mend the name, or import it, such as data" in check(tmp_path).err


def test_missing_metadata_is_a_warning_with_its_line(tmp_path: Path):
    bare = f"package site.rules.access.mine\n\n{IMPORTS}\ndeny contains {DENY} if {{\n{BODY}}}\n"
    other = rule().replace("#   code: access.mine", "#   code: access.other")
    half = rule().replace("# description: Keeps contractors from exports.\n", "", 1)
    site = put(tmp_path, {"a.rego": bare, "b.rego": other, "c.rego": half})
    ran = check(site)
    assert ran.code == 0
    assert [line.partition(" (")[0] for line in told(ran, site)[:-1]] == [
        "warning: a.rego:1: the package has no METADATA",
        "warning: a.rego:6: deny has no METADATA",
        "warning: b.rego:16: deny says the code access.mine, and its METADATA access.other",
        "warning: c.rego:3: the METADATA of the package has no description",
    ]


def test_the_settings_name_folder_and_catalog(tmp_path: Path):
    site = put(
        tmp_path / "site", {"mine.rego": rule('	some tool in tools\n	tool.name == "x"\n')}
    )
    (tmp_path / "secret").write_text("a secret that is long enough for HS256")
    file = written(tmp_path, f"{GOOD}policy:\n  site_folder: {site}\n")
    ran = sidecar("policy", "check", "--config", file)
    assert ran.code == 1
    assert "mine.rego:18: the catalog has no tool x (name the folder" in ran.err


def test_recursion_is_told_and_nothing_is_evaluated(tmp_path: Path):
    site = put(
        tmp_path,
        {"mine.rego": rule("	some tool in tools\n	_f(tool)\n", "\n_f(x) if _f(x)\n")},
    )
    for command in ("check", "test"):
        ran = sidecar("policy", command, site)
        assert ran.code in {1, 2}
        assert "mine.rego:21: site.rules.access.mine._f is defined by itself" in ran.err


# ---- test


def test_the_librarys_tests_hold_and_reach_every_line():
    ran = sidecar("policy", "test", "--threshold", "100")
    count = sum(len(rule_tests(p.read_text())) for p in LIBRARY.rglob("*_test.rego"))
    assert (ran.code, ran.err) == (0, "")
    assert f"embedded engine: {count} of {count} tests hold" in ran.out
    assert "OPA: not run, there is none on PATH" in ran.out
    assert "coverage: 100.0 %" in ran.out


def test_a_failing_test_is_told_by_name_file_and_line(tmp_path: Path):
    wrong = '\ntest_wrong if {\n	print("seen", 7)\n	1 == 2\n}\n'
    wrong += '\ntest_breaks if to_number("x") == 1\n'
    site = put(tmp_path, {"mine.rego": rule(), "mine_test.rego": TEST + wrong})
    ran = sidecar("policy", "test", site)
    assert ran.code == 1
    assert "embedded engine: 2 of 4 tests hold" in ran.out
    wrong_line, broken = told(ran, site)
    assert wrong_line.startswith(
        "mine_test.rego:12: site.tests.mine_test.test_wrong does not hold on the embedded engine"
    )
    assert "seen 7" in wrong_line
    assert broken.startswith("mine_test.rego:17: site.tests.mine_test.test_breaks does not hold")


def test_coverage_is_told_by_rule_and_line_and_held_to_a_threshold(tmp_path: Path):
    more = f'\ndeny contains {DENY} if {{\n	some tool in tools\n	tool.name == "never"\n}}\n'
    site = put(tmp_path, {"mine.rego": rule(more=more), "mine_test.rego": TEST})
    ran = sidecar("policy", "test", site)
    assert ran.code == 0
    assert "mine.rego:22: site.rules.access.mine.deny: not 22" in ran.out.replace(f"{site}/", "")
    ran = sidecar("policy", "test", site, "--threshold", "100")
    assert ran.code == 1
    assert "coverage is below 100 %" in ran.err


def test_a_folder_without_tests_fails(tmp_path: Path):
    ran = sidecar("policy", "test", put(tmp_path, {"mine.rego": rule()}))
    assert ran.code == 1
    assert "no test_ rule lies in" in ran.err


@pytest.mark.sockets
def test_the_same_tests_are_run_by_a_real_opa(tmp_path: Path):
    wrong = '\ntest_wrong if 1 == 2\n\ntest_breaks if to_number("x") == 1\n'
    stray = {"notes.yaml": "- what OPA would take for data\n", "other/data.json": "{}"}
    site = put(tmp_path, {"mine.rego": rule(), "mine_test.rego": TEST + wrong, **stray})
    (site / "other" / "data.json").unlink()
    ran = sidecar("policy", "test", site, "--opa", tools.require("opa"))
    assert ran.code == 1
    assert "embedded engine: 2 of 4 tests hold" in ran.out
    assert ": 2 of 4 tests hold" in ran.out.split("\nOPA ")[1]
    assert ran.err.count("test_wrong does not hold on") == 2
    whole = sidecar("policy", "test", "--opa", tools.require("opa"))
    assert (whole.code, whole.err) == (0, "")


@pytest.mark.sockets
def test_what_only_opa_refuses_is_told_in_its_words(tmp_path: Path):
    """An arity that no test reaches shows on the embedded engine when it is reached."""
    site = put(
        tmp_path,
        {
            "mine.rego": rule(),
            "mine_test.rego": f"{TEST}\n_x if {{\n	false\n	count(1, 2) == 3\n}}\n",
        },
    )
    assert sidecar("policy", "test", site).code == 0
    ran = sidecar("policy", "test", site, "--opa", tools.require("opa"))
    assert ran.code == 1
    assert "does not take the policy" in ran.err
    assert "count" in ran.err


def test_an_opa_that_cannot_be_run_is_told(tmp_path: Path):
    site = put(tmp_path, {"mine.rego": rule(), "mine_test.rego": TEST})
    ran = sidecar("policy", "test", site, "--opa", tmp_path / "nothing")
    assert ran.code == 1
    assert "cannot run the tests" in ran.err


def test_lines_are_told_as_people_write_them():
    assert coverage.ranges(frozenset({3, 7, 8, 9, 12})) == "3, 7-9, 12"
    assert coverage.share(()) == 100.0


# ---- build


def built(tmp_path: Path, name: str = "bundle.tar.gz") -> tuple[Path, Path]:
    files = {
        "mine.rego": rule(),
        "mine_test.rego": TEST,
        "site/config/data.yaml": "raw_roles: [a]\n",
    }
    site, file = put(tmp_path / "site", files), tmp_path / name
    ran = sidecar("policy", "build", "--output", file, site)
    assert ran.code == 0, ran.err
    return site, file


def test_a_bundle_holds_library_and_site_without_tests_and_bears_the_policys_digest(tmp_path: Path):
    site, file = built(tmp_path)
    with tarfile.open(file) as tar:
        members = {m.name: tar.extractfile(m) for m in tar.getmembers()}
        manifest = json.loads(members[".manifest"].read())  # type: ignore[union-attr]
    assert manifest["revision"] == load(LIBRARY, site).sha256
    assert set(bundling.ROOTS) <= set(manifest["roots"])
    assert "site/rules/access/mine/mine.rego" in members
    assert not [name for name in members if name.endswith("_test.rego") or name.startswith("/")]


def test_the_same_policy_makes_the_same_bytes_wherever_it_lies(tmp_path: Path):
    _, one = built(tmp_path / "here", "one.tar.gz")
    site, two = built(tmp_path / "there", "two.tar.gz")
    assert one.read_bytes() == two.read_bytes()
    os.utime(site / "mine.rego", (1, 1))
    assert sidecar("policy", "build", "-o", two, site).code == 0
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes()).count(str(tmp_path).encode()) == 0


def test_a_folder_with_a_problem_makes_no_bundle(tmp_path: Path):
    site = put(tmp_path / "site", {"mine.rego": "package site.rules.acess.x\n\nx := 1\n"})
    ran = sidecar("policy", "build", "-o", tmp_path / "b.tar.gz", site)
    assert ran.code == 2
    assert not (tmp_path / "b.tar.gz").exists()


def test_two_files_of_one_package_and_one_name_both_get_into_the_bundle(tmp_path: Path):
    other = rule().replace("contractor", "guest")
    site = put(tmp_path / "site", {"a/mine.rego": rule(), "b/mine.rego": other})
    file = tmp_path / "b.tar.gz"
    assert sidecar("policy", "build", "-o", file, site).code == 0
    with tarfile.open(fileobj=io.BytesIO(file.read_bytes())) as tar:
        names = [name for name in tar.getnames() if name.startswith("site/")]
    assert names == ["site/rules/access/mine/mine.rego", "site/rules/access/mine/mine_2.rego"]


@pytest.mark.sockets
def test_a_real_opa_decides_by_the_bundle_as_the_embedded_engine_does(tmp_path: Path):
    site, file = built(tmp_path)
    engine = engine_of({"mine": (site / "mine.rego").read_text()}, {"config": {"raw_roles": ["a"]}})
    caller = changed()["caller"]
    inputs = [
        changed(tags=tags, method=method, caller={**caller, "roles": roles})
        for tags in (["customers"], ["export"])
        for method in ("get", "delete")
        for roles in ([], ["contractor"], ["a"])
    ]
    (tmp_path / "inputs.json").write_text(json.dumps({"inputs": inputs}))
    query = "[x | some i in input.inputs; x := data.sidecar.main.decision with input as i]"
    said = subprocess.run(
        [
            *(tools.require("opa"), "eval", "--strict-builtin-errors", "--format", "raw"),
            *("--bundle", file, "--input", tmp_path / "inputs.json", query),
        ],
        capture_output=True,
        check=True,
    )
    theirs = orjson.loads(said.stdout)
    assert theirs == [decide(engine, document) for document in inputs]
    assert len({orjson.dumps(answer) for answer in theirs}) > 4


# ---- init


def test_what_init_writes_passes_check_and_test(tmp_path: Path):
    home = tmp_path / "shop"
    ran = sidecar("policy", "init", home)
    assert ran.code == 0
    assert {path.name for path in home.iterdir()} == {starter.RULES, starter.CATALOG}
    assert f"sidecar policy check {home}/policy --catalog {home}/tool_catalog" in ran.out
    ran = check(home / "policy", "--catalog", home / "tool_catalog", "--strict")
    assert (ran.code, ran.err) == (0, "")
    ran = sidecar("policy", "test", home / "policy", "--threshold", "100")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("command", ["check", "test"])
def test_what_init_made_is_not_taken_for_a_folder_of_rules(tmp_path: Path, command: str):
    assert sidecar("policy", "init", tmp_path / "new").code == 0
    told = sidecar("policy", command, tmp_path / "new")
    assert told.code == 2
    assert f"name {tmp_path / 'new' / 'policy'}, and to check it --catalog" in told.err
    told = sidecar("policy", "matrix", "--policies", tmp_path / "new")
    assert f"name {tmp_path / 'new' / 'policy'}" in told.err


def test_inits_data_names_every_key_of_the_library(tmp_path: Path):
    sidecar("policy", "init", tmp_path / "shop")
    text = (tmp_path / "shop/policy/data.yaml").read_text()
    for key in load(LIBRARY).data["sidecar"]["config"]:
        assert f"    # {key}:" in text


def test_init_leaves_a_folder_with_something_in_it_alone(tmp_path: Path):
    put(tmp_path, {"mine.rego": rule()})
    ran = sidecar("policy", "init", tmp_path)
    assert ran.code == 2
    assert "is not empty" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.rego"]


@pytest.mark.sockets
def test_what_init_writes_is_formatted_and_strict(tmp_path: Path):
    sidecar("policy", "init", tmp_path / "shop")
    opa, folder = tools.require("opa"), tmp_path / "shop" / "policy"
    said = subprocess.run([opa, "fmt", "--list", folder], capture_output=True, check=True)
    assert said.stdout == b""
    subprocess.run([opa, "check", "--strict", LIBRARY, folder], check=True)
