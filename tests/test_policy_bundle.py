"""Folders of Rego and data become one bundle, or every reason why not with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_parts import put
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import ConfigError
from sidecar.policy import Bundle, Embedded, read
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

BOMB = "b0: &b0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{one}: &b{one} [{', '.join([f'*b{one - 1}'] * 10)}]\n" for one in range(1, 9)
)
"""A few lines of YAML that stand for a thousand million values."""

RULE = "package site.rules.access.hours\n\ndeny contains 1 if false\n"


def told(folder: Path, files: dict[str, str | bytes]) -> list[str]:
    """Why a folder is no bundle, as a person reads it."""
    with pytest.raises(ConfigError) as caught:
        read([put(folder, {"rule.rego": RULE} | files)])
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_the_library_that_travels_with_the_program_is_a_bundle():
    made = read([shipped("policies")])
    assert len(made.modules) >= 10
    assert made.data["sidecar"]["config"]["default_methods"] == ["read"]


def test_data_is_rooted_at_its_folder(tmp_path):
    made = read(
        [
            put(
                tmp_path,
                {
                    "rule.rego": RULE,
                    "data.yaml": "top: 1",
                    "site/config/data.json": '{"bulk_roles": ["a"]}',
                    "site/data.yml": "other: 2",
                },
            )
        ]
    )
    assert made.data == {"top": 1, "site": {"config": {"bulk_roles": ["a"]}, "other": 2}}


def test_only_rules_and_data_are_read_and_tests_are_left_out(tmp_path):
    files = {
        "a/rule.rego": RULE,
        "a/rule_test.rego": "not even Rego",
        "README.md": "# words",
        "input.schema.json": "{",
        "a/values.yaml": "x: [",
    }
    made = read([put(tmp_path, files)])
    assert [Path(path).name for path, _ in made.modules] == ["rule.rego"]
    assert made.data == {}


def test_a_configmap_mount_is_read_exactly_once(tmp_path):
    """Kubernetes keeps generations in dot-folders and links each file to `..data/file`."""
    put(tmp_path, {"..2026_11_22/rule.rego": RULE, "..2026_11_22/data.yaml": "site: {a: 1}"})
    put(tmp_path, {"..2026_11_21/rule.rego": "old", "..2026_11_21/data.yaml": "site: {a: 0}"})
    (tmp_path / "..data").symlink_to("..2026_11_22")
    for name in ("rule.rego", "data.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    made = read([tmp_path])
    assert made.modules == ((str(tmp_path / "rule.rego"), RULE),)
    assert made.data == {"site": {"a": 1}}


def test_a_folder_that_is_itself_a_link_is_read(tmp_path):
    put(tmp_path, {"current-1/rule.rego": RULE})
    (tmp_path / "current").symlink_to("current-1")
    assert len(read([tmp_path / "current"]).modules) == 1


def test_a_linked_folder_is_read_as_kubernetes_mounts_nested_items(tmp_path):
    """`items: [{path: access/rule.rego}]` mounts `access -> ..data/access`: a folder's link."""
    put(tmp_path, {"..2026/access/rule.rego": RULE, "..2026/site/data.yaml": "a: 1"})
    (tmp_path / "..data").symlink_to("..2026")
    for name in ("access", "site"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    made = read([tmp_path])
    assert [text for _, text in made.modules] == [RULE]
    assert made.data == {"site": {"a": 1}}


def test_a_link_that_leads_nowhere_is_a_problem_and_not_a_missing_rule(tmp_path):
    (tmp_path / "hours.rego").symlink_to("gone.rego")
    assert [line.split(":")[0] for line in told(tmp_path, {})] == ["hours.rego"]


@pytest.mark.parametrize("first", ["a/data.yaml", "data.json"])
def test_two_files_that_give_the_same_data_are_a_problem(tmp_path, first):
    value = '{"x": 1}' if first.startswith("a/") else '{"a": {"x": 1}}'
    (line,) = told(tmp_path, {first: value, "a/data.yml": "x: 2"})
    place, what = line.split(": ")
    assert place in {"a/data.yml:1", f"{first}:1"}
    assert what == "data 'x' is given by another file already"


def test_two_folders_that_give_the_same_data_are_a_problem(tmp_path):
    site = put(tmp_path, {"sidecar/config/data.yaml": "default_methods: [write]"})
    with pytest.raises(ConfigError, match="'default_methods' is given by another file already"):
        read([shipped("policies"), site])


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("data.yaml", "a: 1\nb: [", 2),
        ("data.yaml", "a: 1\n---\nb: 2", 2),
        ("data.yaml", "a: !!python/object:os.system x", 1),
        ("data.yaml", "- a", 1),
        ("data.yaml", "", 1),
        ("data.json", '{\n "a": 1,\n "b" 2}', 3),
        ("data.json", "[]", 1),
    ],
)
def test_malformed_data_is_a_problem_with_file_and_line(tmp_path, name, text, line):
    (problem,) = told(tmp_path, {f"site/{name}": text})
    place, reason = problem.split(": ", 1)
    assert place.startswith(f"site/{name}:")
    assert abs(int(place.split(":")[1]) - line) <= 1
    assert reason.startswith(("not valid", "policy data must be an object"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "a: \x00"),
        ("data.yaml", "a: 2026-13-45"),
        ("data.yaml", "1: number as a key"),
        ("data.yaml", "a: {true: boolean as a key}"),
        ("data.yaml", "a: !!set {x, y}"),
        ("data.yaml", "a: !!binary aGVsbG8="),
        ("data.yaml", f"a: {'[' * 3000}"),
        ("data.json", f'{{"a": {"[" * 100_000}'),
        ("data.json", '{"a": NaN}'),
        ("data.json", '{"a": 123456789012345678901234567890}'),
        ("data.json", '{"a": "\\ud800"}'),
        ("data.yaml", f"a: {'[' * 65}{']' * 65}"),
        ("data.json", f'{{"a": {"[" * 65}{"]" * 65}}}'),
        ("data.yaml", BOMB),
        ("data.yaml", f"{BOMB}? *b8\n: 1\n"),
        ("data.yaml", f"a: 1{':1' * 100_000}"),
    ],
)
def test_data_that_json_cannot_hold_is_a_problem_and_never_a_traceback(tmp_path, name, text):
    (problem,) = told(tmp_path, {name: text})
    assert problem.startswith(f"{name}:")


@pytest.mark.parametrize(
    ("name", "text"), [("data.yaml", "a: 1\na: 2"), ("data.json", '{"a": 1, "a": 2}')]
)
def test_a_name_that_is_given_twice_in_one_file_is_a_problem(tmp_path, name, text):
    (problem,) = told(tmp_path, {name: text})
    assert problem.startswith(f"{name}:")


def test_every_problem_is_told_at_once(tmp_path):
    files: dict[str, str | bytes] = {
        "a.rego": b"package a # \xff", "b/data.json": "{", "c/data.yaml": "["
    }  # fmt: skip
    assert [line.split(":")[0] for line in told(tmp_path, files)] == [
        "a.rego",
        "b/data.json",
        "c/data.yaml",
    ]


def test_a_missing_folder_and_a_folder_without_rego_are_problems(tmp_path):
    with pytest.raises(ConfigError, match="no such folder of policies"):
        read([tmp_path / "nowhere"])
    with pytest.raises(ConfigError, match="no Rego module found"):
        read([put(tmp_path, {"data.yaml": "a: 1"})])


@given(moved=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3))
def test_the_digest_does_not_depend_on_where_modules_lie(tmp_path_factory, moved):
    files = {"x.rego": RULE, "y.rego": "package b\n", "data.yaml": "a: {b: 1}"}
    here = put(tmp_path_factory.mktemp("a"), files)
    files = {"z/" + "/".join(moved) + "/y.rego": RULE, "w.rego": "package b\n"}
    there = put(tmp_path_factory.mktemp("b"), files | {"a/data.json": '{"b": 1}'})
    assert read([here]).sha256 == read([there]).sha256


@pytest.mark.parametrize(
    "change", [{"x.rego": RULE + "#"}, {"data.yaml": "a: 2"}, {"y.rego": "package y\n"}]
)
def test_the_digest_depends_on_every_text_and_value(tmp_path, change):
    files = {"x.rego": RULE, "data.yaml": "a: 1"}
    assert (
        read([put(tmp_path / "a", files)]).sha256
        != read([put(tmp_path / "b", files | change)]).sha256
    )


def test_rules_are_known_by_their_package_in_a_flat_folder_too(tmp_path):
    """The library flattened into one folder, as one ConfigMap holds it, is the same policy."""
    made = read([shipped("policies")])
    files: dict[str, str | bytes] = {
        f"module-{n}.rego": text for n, (_, text) in enumerate(made.modules)
    }
    files["sidecar/config/data.yaml"] = (
        shipped("policies") / "sidecar/config/data.yaml"
    ).read_text()
    flat = read([put(tmp_path, files)])
    assert flat.sha256 == made.sha256
    assert isinstance(flat, Bundle)
    Embedded(flat)
