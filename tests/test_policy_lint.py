"""What the lint tells of Rego that parses: not portable, or without an end."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import regorus
import tools
from engine_parts import told
from rego_parts import README

from sidecar.policy import read
from sidecar.policy.bundle import Bundle
from sidecar.policy.checking import lint, portable
from sidecar.policy.embedded import parsed
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

LIBRARY = shipped("policies")
DENY = '{"tool": tool.name, "code": "access.mine", "message": "No.", "remedy": "Ask."}'
RULE = f"""package site.rules.access.mine

import data.sidecar.lib.query.tools

deny contains {DENY} if {{
	some tool in tools
	%s
}}
"""


def linted(text: str, data: dict[str, Any] | None = None, name: str = "mine.rego") -> list[str]:
    bundle = Bundle(((name, text),), data or {}, "")
    modules, problems = parsed(bundle, None)
    assert not problems
    return [str(problem) for problem in lint.problems(modules, bundle.data)]


def test_the_library_and_its_tests_are_portable():
    bundle = read([LIBRARY])
    tests = tuple((str(p), p.read_text()) for p in sorted(LIBRARY.rglob("*_test.rego")))
    assert tests
    whole = Bundle((*bundle.modules, *tests), bundle.data, "")
    modules, _ = parsed(whole, None)
    assert list(lint.problems(modules, whole.data)) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('http.send({"url": tool.name})', "a decision asks nobody"),
        ("time.now_ns() > 3", "input.time is the time"),
        ('crypto.sha256(tool.name) == "a"', "the sidecar hashes"),
        ("io.jwt.decode(tool.name)", "input.caller says"),
        ("opa.runtime()", "reads no environment"),
        ('rand.intn("a", 3) == 1', "the same twice"),
        ("print(tool)", "leave it to tests"),
        ('startwith(tool.name, "a")', "did you mean startswith?"),
        ('_is_such(tool.name, "a")', "_is_such is no function"),
    ],
)
def test_a_function_that_only_one_engine_has_is_told_with_what_to_do_instead(body: str, says: str):
    (line,) = linted(RULE % body)
    assert line.startswith("mine.rego:7: ")
    assert says in line


def test_builtins_of_the_portable_subset_and_own_functions_pass():
    body = "_is_such(tool)\n\tstartswith(lower(tool.name), `a`)\n\tcount(tool.tags) > 1"
    own = '\n_is_such(tool) if glob.match("a*", ["."], tool.name)\n'
    assert linted(RULE % body + own) == []
    imported = "package a\n\nimport data.site.lib.hours\n\nx if hours.is_open(input.time)\n"
    assert linted(imported) == []


def test_print_is_for_tests():
    text = 'package a\n\ntest_x if print("x")\n'
    assert linted(text, name="a_test.rego") == []
    assert linted(text) != []


@pytest.mark.parametrize(
    "pattern",
    [r"^\w+$", r"\d", r"a\sb", r"\bx", r"\p{L}", "(?i)a", "[[:alpha:]]", "(?P<n>a)", "a" * 600],
)
def test_a_pattern_that_the_engines_read_differently_is_told(pattern: str):
    (line,) = linted(RULE % f"regex.match(`{pattern}`, tool.name)")
    assert line.startswith("mine.rego:7: ")
    data = {"site": {"config": {"patterns": ["[0-9]+", pattern]}}}
    assert len(linted(RULE % "regex.match(data.site.config.patterns[_], tool.name)", data)) == 1


@pytest.mark.parametrize("pattern", ["^[A-Za-z0-9_]+$", r"\.", r"\\d", "a{2,3}|b", r"\[", r"\(?"])
def test_a_pattern_of_explicit_characters_passes(pattern: str):
    assert linted(RULE % f"regex.match(`{pattern}`, tool.name)") == []
    assert linted(RULE % f"regex.replace(tool.name, `{pattern}`, `a`) == `b`") == []


@pytest.mark.parametrize(
    ("format_", "is_told"), [("%s %d %v %%", False), ("%05d", True), ("%x", True), ("%", True)]
)
def test_a_format_keeps_to_the_verbs_that_agree(format_: str, *, is_told: bool):
    assert bool(linted(RULE % f'sprintf("{format_}", [tool]) == ""')) is is_told


def test_what_shows_without_a_call_is_told_with_its_line():
    text = "package a\n\nimport future.keywords\n\nx := input.caller.import\n"
    assert [line.split(": ")[0] for line in linted(text)] == ["mine.rego:3", "mine.rego:5"]
    (long_,) = linted(f"package a\n\n# {'a' * 1100}\nx := 1\n")
    assert long_.startswith("mine.rego:3: the line is longer than 1000 characters")


# ---- what runs away is refused at every start, before it is evaluated once


@pytest.mark.parametrize(
    "text",
    [
        RULE % "_f(3)" + "\n_f(x) if _f(x - 1)\n",
        RULE % "_a" + "\n_a if _b\n\n_b if _a\n",
        RULE % "data.sidecar.main.decision",
        RULE % "count(data.site.rules.access) > 1",
        RULE % "not data.sidecar.lib.site.rules.access.x.deny",
        RULE % 'data.site.rules[tool.name].mine.deny == "a"',
    ],
    ids=["function", "two rules", "main", "its own tree", "through the library", "a step unknown"],
)
def test_a_rule_that_is_defined_by_itself_is_refused_at_start(tmp_path: Path, text: str):
    """The embedded engine would crash the process: the rehearsal must not be reached."""
    (line,) = told(tmp_path, {"mine.rego": text})
    assert line.startswith("mine.rego:")
    assert "is defined by itself" in line
    assert "→" in line


@pytest.mark.parametrize(
    "body",
    [
        "count(numbers.range(1, 1000000000)) > 3",
        "count(numbers.range(1, count(tool.name))) > 3",
        "count(numbers.range(-5001, 5000)) > 3",
    ],
)
def test_a_range_without_bounds_is_refused_at_start(tmp_path: Path, body: str):
    (line,) = told(tmp_path, {"mine.rego": RULE % body})
    assert line.startswith("mine.rego:7: numbers.range without bounds")


@pytest.mark.parametrize(
    "body",
    [
        "count(numbers.range(-5, 10)) > 3",
        "some deny in [1, 2]\n\tdeny > 1",
        "count({deny | some deny in [1]}) == 1",
        "data.site.config.x == 1",
    ],
)
def test_what_ends_is_no_circle(body: str):
    assert linted(RULE % body) == []


def test_a_circle_among_many_is_told_once_each():
    functions = "f(x) := g(x)\n\ng(x) := f(x) + h(x)\n\nh(x) := g(x)\n"
    text = f"package a\n\n{functions}\np := 1 if q\n\nq if p\n"
    assert [line.split(": ")[0] for line in linted(text)] == ["mine.rego:3", "mine.rego:9"]


CIRCLES = (
    "default f(x) := 1\nf(x) := f(x - 1) if x > 0",
    "a.b[x] := 1 if some x in a.b",
    "x := 1 if { every q in [1] { data.PACKAGE.x == q } }",
    "p if not q\nq if not p",
    "p contains x if { some x in [1]; r with input as p }\nr if input.a",
    "p := 1 if input.a\nelse := p",
    "x contains y if y := x_[_]\nx_ := [z | some z in x]",
    'o := {"a": {"b": o2}}\no2 := o.a.c',
    'm := object.get(data.PACKAGE, "m", 3)',
    "r := data[input.x]",
    "s := data.PACKAGE[input.x]",
)
STRAIGHT = (
    "x := y[0] if y := [x | some x in [1]]",
    "f(x) := y if { y := g(x)[0] }\ng(x) := [x]",
    'x[y] := z if { z := 1; y := "a" }\nw := x.a',
    "f(f_) := f_\nv := f(1)",
    'k := {a: b | some a, b in {"x": k2}}\nk2 := 1',
    "t := true if { some t_ in [1]; t_ == 1 }\nu if { some t in [1]; t == 1 }\nt2 := u",
    "n if { x := input.n; n2 with input.n as n3 }\nn2 if input.n\nn3 := 3 if n4\nn4 := 1",
    "w := [v | walk(input, [v, _])]",
)


def module_of(number: int, body: str) -> str:
    package = f"p{number}"
    return f"package {package}\n\n{body.replace('PACKAGE', package)}\n"


@pytest.mark.parametrize("body", [*CIRCLES, *STRAIGHT])
def test_a_circle_is_found_in_whatever_form_it_comes(body: str):
    said = [line for line in linted(module_of(0, body)) if "defined by itself" in line]
    assert len(said) == (body in CIRCLES)


@pytest.mark.sockets
def test_a_real_opa_finds_the_same_circles(tmp_path: Path):
    for number, body in enumerate((*CIRCLES, *STRAIGHT)):
        (tmp_path / f"{number}.rego").write_text(module_of(number, body))
    check = (tools.require("opa"), "check", "--max-errors", "0", tmp_path)
    said = subprocess.run(check, capture_output=True, text=True, check=False).stderr
    found = {int(n) for n in re.findall(r"/(\d+)\.rego:\d+: rego_recursion_error", said)}
    assert found == set(range(len(CIRCLES)))


@pytest.mark.parametrize("name", sorted({*portable.BUILTINS, "no.such"}))
def test_every_builtin_of_the_table_is_one_of_the_embedded_engine(name: str):
    engine = regorus.Engine()
    engine.add_policy("a.rego", f"package a\n\nx := {name}(1, 2, 3, 4, 5, 6)\n")
    with pytest.raises(RuntimeError) as caught:
        engine.eval_rule_as_json("data.a.x")
    assert ("could not find function" in str(caught.value)) is (name == "no.such")


def test_the_readme_lists_every_builtin_of_the_table():
    (listed,) = re.findall(r"<!-- built-ins -->\n(.*?)\n<!-- end -->", README, re.DOTALL)
    assert listed.replace("\n", " ").split(", ") == sorted(portable.BUILTINS)
