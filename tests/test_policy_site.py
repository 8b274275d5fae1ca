"""A site policy that does nothing, refuses everything or breaks decisions does not start.

Over 300 lines: each is one small folder of rules and the one line that is told of it.
"""

from __future__ import annotations

import pytest
from console import sidecar
from engine_parts import put, told
from settings_parts import GOOD, written
from typer.testing import CliRunner

from sidecar.cli.root import cli
from sidecar.errors import ConfigError
from sidecar.policy import load
from sidecar.settings import shipped

LIBRARY = shipped("policies")

pytestmark = pytest.mark.thorough
FULL = '"tool": "*", "code": "c", "message": "m", "remedy": "r"'
NEVER = 'input.caller.purpose == "none"'
DENY = f"deny contains {{{FULL}}} if {NEVER}\n"
MASK = 'mask contains {"tool": "*", "entity": "EMAIL", "action": "mask", "code": "c"}\n'


def rule(body: str, package: str = "site.rules.access.mine") -> dict[str, str | bytes]:
    return {"mine.rego": f"package {package}\n\n{body}"}


def test_the_library_alone_and_a_site_of_data_alone_are_taken(tmp_path):
    assert load(LIBRARY).site_rules == ()
    site = put(tmp_path, {"site/config/data.yaml": "destructive_roles: [lead]\n"})
    assert load(LIBRARY, site).data["site"]["config"] == {"destructive_roles": ["lead"]}


@pytest.mark.parametrize("package", ["mysite.access.foo", "sidecar.rules.access.foo", "foo"])
def test_a_package_that_nothing_asks_is_a_problem(tmp_path, package):
    (line,) = told(tmp_path, rule(DENY, package))
    assert line.startswith(f"mine.rego:1: package {package} does not begin with site")


@pytest.mark.parametrize(
    ("package", "says"),
    [
        (
            "site.rules.acess.foo",
            "acess is no group, which denies every tool (did you mean access?)",
        ),
        ("site.rules", "is on the wrong level"),
        ("site.rules.access", "is on the wrong level"),
        ("site.rules.access.foo.bar", "is on the wrong level"),
    ],
)
def test_a_package_on_the_wrong_level_or_of_an_unknown_group_is_a_problem(tmp_path, package, says):
    (line,) = told(tmp_path, rule(DENY, package))
    assert line.startswith(f"mine.rego:1: package {package}")
    assert says in line


def test_a_rule_that_reaches_into_the_rules_from_above_is_a_problem(tmp_path):
    (line,) = told(tmp_path, rule(f"rules.access.mine.{DENY}", "site"))
    assert line.startswith("mine.rego:3: site.rules.access.mine.deny is defined from package site")


@pytest.mark.parametrize(
    ("package", "body"),
    [
        ("site.config", 'shadow_rules := ["access.bulk"]'),
        ("site.config", 'shadow_rules := ["access.bulk"] if input.caller.purpose == "none"'),
        ("site", 'config := {"shadow_rules": ["access.bulk"]}'),
        ("site", 'config.shadow_rules := ["access.bulk"]'),
        ("site", 'config[name] := ["access.bulk"] if name := "shadow_rules"'),
        (r'site["conf\u0069g"]', 'default bulk_roles := ["desk"]'),
    ],
)
def test_configuration_is_data_alone_which_can_be_checked(tmp_path, package, body):
    lines = told(tmp_path, rule(f"{body}\n", package))
    assert lines[0].startswith("mine.rego:3: site.config")
    assert "is defined by a rule, and site.config is data alone" in lines[0]


@pytest.mark.parametrize(
    ("package", "body", "name", "meant"),
    [
        ("site.rules.access.mine", DENY.replace("deny", "denny"), "denny", "did you mean deny?"),
        ("site.rules.access.mine", MASK, "mask", "one of: deny, grant"),
        ("site.rules.arguments.mine", DENY.replace("deny", "grant"), "grant", "one of: deny"),
        ("site.rules.masks.mine", MASK.replace("mask c", "masks c"), "masks", "did you mean mask?"),
        ("site.rules.access.mine", f"{DENY}limit := 3\n", "limit", "begins with _"),
    ],
)
def test_a_rule_that_the_group_does_not_give_is_a_problem(tmp_path, package, body, name, meant):
    (line,) = told(tmp_path, rule(body, package))
    assert f": {name} is nothing that a rule of" in line
    assert line.startswith("mine.rego:")
    assert meant in line


@pytest.mark.parametrize("body", ["", "_deny := 1\n", "_helper(x) := x\n"])
def test_a_package_that_gives_nothing_is_a_problem(tmp_path, body):
    (line,) = told(tmp_path, rule(body))
    assert line.startswith("mine.rego:1: package site.rules.access.mine gives no grant nor deny")


def test_a_rule_may_be_spread_over_files_and_helpers_may_stand_apart(tmp_path):
    site: dict[str, str | bytes] = {
        "one.rego": f"package site.rules.access.mine\n\n{DENY}",
        "two.rego": "package site.rules.access.mine\n\n_helper := 1\n",
        "lib.rego": "package site.lib.mine\n\nlimit := data.site.limits.most\n",
        "site/limits/data.json": '{"most": 3}',
    }
    made = load(LIBRARY, put(tmp_path, site))
    assert [(r.name, r.gives) for r in made.site_rules][:1] == [("access.mine", ("deny",))]


@pytest.mark.parametrize(
    ("reads", "says"),
    [
        ("input.tool", "does not exist, so what reads it is undefined (did you mean tools?)"),
        ("input.caller.rolls", "input.caller.rolls does not exist"),
        ('input["caler"].roles', "input.caler does not exist"),
        ("some t in input.tools; t; input.tools[_].efect", "(did you mean effect?)"),
        ("input.tools.name", "(this is a list: `some one in` it)"),
        ("input.time.hour", "(this has no members)"),
        ('object.get(input, "tool", 1)', "input.tool does not exist"),
        ('object.get(input, ["caller", "role"], 1)', "input.caller.role does not exist"),
        ("data.sidecar.lib.query.tolls", "(did you mean tools?)"),
        ("data.site.lib.nothing", "data.site.lib does not exist"),
        ("data.sidcar.lib.query.tools", "data.sidcar does not exist"),
        ("data.sidecar.config.bulk_role", "(did you mean bulk_roles?)"),
        ("{x | some x in input.tolls} != set()", "input.tolls does not exist"),
        ("every x in input.tolls { x }", "input.tolls does not exist"),
        ("not input.callers", "input.callers does not exist"),
    ],
)  # fmt: skip
def test_a_reference_to_what_does_not_exist_is_a_problem(tmp_path, reads, says):
    (line,) = told(tmp_path, rule(f"deny contains {{{FULL}}} if {{\n\t{reads}\n}}\n"))
    assert line.startswith("mine.rego:4: ")
    assert says in line


@pytest.mark.parametrize(
    ("imported", "reads", "line"),
    [
        ("data.sidecar.lib.query.tolls", "tolls", 3),
        ("data.sidecar.lib.query.tolls as tools", "tools", 3),
        ("input.caller as who", "who.rolls", 6),
        ("data.sidecar.lib.query", "query.tolls", 6),
    ],
)
def test_an_import_is_followed(tmp_path, imported, reads, line):
    body = f"import {imported}\n\ndeny contains {{{FULL}}} if {{\n\t{reads}\n}}\n"
    lines = told(tmp_path, rule(body))
    assert [found.split(": ")[0] for found in lines] == [f"mine.rego:{line}"]


@pytest.mark.parametrize(
    "reads",
    [
        'input.caller.claims["any"].thing == 1',
        'some name, marks in input.tools[0].arguments; marks.outbound; name != ""',
        'input.tools[_].arguments["x"].expected[0] == "EMAIL"',
        'key := "roles"; input.caller[key] == ["x"]',
        "input.recent.calls == 1",
        "data.sidecar.config.masks[_] == 1",
        "data.sidecar.lib.config.settings.anything",
    ],
)
def test_what_may_exist_is_no_problem(tmp_path, reads):
    body = f"import input.caller as who\n\ndeny contains {{{FULL}}} if {{\n\t{reads}\n}}\n"
    assert load(LIBRARY, put(tmp_path, rule(body))).site_rules[0].name == "access.mine"


@pytest.mark.parametrize("group", ["access", "masks"])
@pytest.mark.parametrize(
    "reads",
    ["input.arguments.x", 'input["findings"]', 'object.get(input, "arguments", {})',
     "data.sidecar.lib.findings.found"],
)  # fmt: skip
def test_lists_and_calls_ask_the_same_of_access_and_masks(tmp_path, group, reads):
    head = DENY if group == "access" else MASK
    body = head.partition(" if")[0].strip() + f" if {{\n\t{reads}\n}}\n"
    (line,) = told(tmp_path, rule(body, f"site.rules.{group}.mine"))
    assert line.startswith(f"mine.rego:4: a rule of {group} reads ")


def test_the_arguments_group_may_read_arguments(tmp_path):
    body = f'deny contains {{{FULL}}} if input.arguments.note == "x"\n'
    (mine,) = load(LIBRARY, put(tmp_path, rule(body, "site.rules.arguments.mine"))).site_rules
    assert mine.name == "arguments.mine"


@pytest.mark.parametrize(
    ("package", "body", "says"),
    [
        ("access", DENY.replace(', "remedy": "r"', ""), "an element of deny has no remedy"),
        ("access", DENY.replace('"message"', '"mesage"'), "did you mean mesage?"),
        ("access", 'deny contains "x"\n', "an element of deny is no object"),
        ("access", DENY.replace('"m"', "1"), "message of an element of deny is no text"),
        ("access", f"deny if {NEVER}\n", "deny is no set"),
        ("access", f"deny := [1] if {NEVER}\n", "deny is no set"),
        ("access", f"deny[x] := 1 if {{ x := 1; {NEVER} }}\n", "deny is no set"),
        ("access", 'grant contains {"tool": "*", "code": "c"}\n', 'a grant of "*" grants nothing'),
        ("masks", MASK.replace('"mask"', '"maks"'), "maks is no action (did you mean mask?)"),
        ("masks", MASK.replace("EMAIL", "EMIAL"), "EMIAL is no entity (did you mean EMAIL?)"),
        ("masks", MASK.replace('"entity": "EMAIL", ', ""), "either entity or pointer"),
        ("masks", MASK.replace('"entity": "EMAIL"', '"pointer": "a"'), "does not begin with /"),
    ],
)  # fmt: skip
def test_what_a_rule_gives_is_checked_though_nothing_reaches_it(tmp_path, package, body, says):
    lines = told(tmp_path, rule(body, f"site.rules.{package}.mine"))
    assert lines[0].startswith("mine.rego:3: ")
    assert says in " ".join(lines)


@pytest.mark.parametrize(
    ("package", "body", "says"),
    [
        ("access", '_made := {"tool": "*", "code": "c"}\n\ndeny contains _made\n',
         "site.rules.access.mine cannot be read, which denies every tool"),
        ("masks", '_e := "EMIAL"\n\n' + MASK.replace('"EMAIL"', "_e"),
         "a mask of c names no known entity"),
    ],
)  # fmt: skip
def test_what_only_an_evaluation_shows_is_named_with_its_rule(tmp_path, package, body, says):
    (line,) = told(tmp_path, rule(body, f"site.rules.{package}.mine"))
    assert line.startswith("mine.rego:1: ")
    assert says in line


@pytest.mark.parametrize("files", [{}, {"rule.txt": DENY}, {"rule_test.rego": "package site.x\n"}])
def test_a_folder_of_which_nothing_is_read_is_a_problem(tmp_path, files):
    (tmp_path / "site").mkdir()
    (line,) = told(tmp_path, files)
    assert "no rule and no data is read from this folder" in line
    assert all(name in line for name in files)


def test_every_problem_of_a_site_is_told_at_once(tmp_path):
    lines = told(
        tmp_path,
        {
            "a.rego": "package site.rules.access.a\n\ndeny {\n",
            "b.rego": f"package b\n\n{DENY}",
            "c.rego": f"package site.rules.access.c\n\n{DENY.replace('deny', 'denny')}",
            "d.rego": f"package site.rules.access.d\n\nimport data.site.a.limit\n\n{DENY}",
            "data.yaml": "masks: 1\n",
        },
    )
    # What a.rego would define is not known, so that nothing is said of d.rego.
    assert sorted(line.split(":")[0] for line in lines) == [
        "a.rego",
        "b.rego",
        "c.rego",
        "data.yaml",
    ]


def test_an_argument_of_a_function_hides_an_import_of_its_name(tmp_path):
    body = f"import input.caller as who\n\n_odd(who) := who.rolls\n\n{DENY}"
    assert load(LIBRARY, put(tmp_path, rule(body))).site_rules


# ---- the command


def test_the_check_names_each_rule_of_the_site(tmp_path):
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "secret").chmod(0o600)
    put(tmp_path, {"site/no_agents.rego": f"package site.rules.access.no_agents\n\n{DENY}"})
    file = written(tmp_path, f"{GOOD}policy: {{site_folder: FOLDER/site}}\n")
    done = CliRunner().invoke(cli, ["check", "-c", str(file)])
    assert done.exit_code == 0, done.output
    assert "site rules: access.no_agents (deny) from site/no_agents.rego\n" in done.output
    done = CliRunner().invoke(cli, ["check", "-c", str(written(tmp_path, GOOD))])
    assert "site rules" not in done.output


NAMED = """\
package site.rules.arguments.named

import data.sidecar.lib.query.tools

deny contains {"tool": tool.name, "code": "c", "message": "m", "remedy": "r"} if {
	some tool in tools
	CONDITION
}
"""


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ('tool.name == "list_all_gladly_custmers"', "did you mean list_all_gladly_customers?"),
        ('"list_all_gladly_custmers" != tool.name', "did you mean list_all_gladly_customers?"),
        ('tool.name in {"list_all_gladly_tasks", "no_such"}', "the catalog has no tool no_such"),
        ('not tool.name in ["no_such"]', "the catalog has no tool no_such"),
        ("input.arguments.phoneNumbr", "no argument phoneNumbr (did you mean phoneNumber?)"),
        ('input.arguments["phoneNumbr"] == "x"', "did you mean phoneNumber?"),
        ('object.get(input, ["arguments", "phoneNumbr"], "") == "x"', "did you mean phoneNumber?"),
        ('tool.name == "list_all_gladly_customers"; input.arguments.phoneNumber', ""),
        ('input.endpoint.name == "no_such"; tool.method == "list"', ""),
        ('some name, _ in input.arguments; startswith(name, "x")', ""),
    ],
)
def test_a_name_that_the_catalog_does_not_know_is_warned_of_and_taken(tmp_path, condition, says):
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "secret").chmod(0o600)
    put(tmp_path, {"site/named.rego": NAMED.replace("CONDITION", condition)})
    ran = sidecar("check", "-c", written(tmp_path, f"{GOOD}policy: {{site_folder: FOLDER/site}}\n"))
    assert (ran.code, "site rules: arguments.named" in ran.out) == (0, True)
    lines = ran.err.splitlines()
    assert len(lines) == bool(says)
    assert all(line.startswith(f"warning: {tmp_path}/site/named.rego:7: ") for line in lines)
    assert says in ran.err


@pytest.mark.parametrize("engine", ["embedded", "opa"])
def test_both_engines_check_the_sites_folder(tmp_path, engine):
    from sidecar import app
    from sidecar import settings as read_settings

    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "secret").chmod(0o600)
    put(tmp_path, {"site/rule.rego": f"package mysite.access.foo\n\n{DENY}"})
    more = f"{{engine: {engine}, opa_url: 'http://127.0.0.1:1', site_folder: FOLDER/site}}"
    loaded = read_settings.load(written(tmp_path, f"{GOOD}policy: {more}\n"))
    with pytest.raises(ConfigError, match="does not begin with site"):
        app.check(loaded)
