"""Each of the 66 leak paths is held by a case or a test that exists."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from pathlib import Path

import pytest
from leak_canaries import Canaries, Data, forms
from leak_parts import SINKS
from leak_replies import REPLIES
from leak_requests import REQUESTS
from leak_table import PATHS

HERE = Path(__file__).parent
NUMBERS = [case.number for case in REPLIES] + [case.number for case in REQUESTS]


@cache
def named_in(file: str) -> frozenset[str]:
    """The names of the tests of a file."""
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    made = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for node in tree.body if isinstance(node, made)]
    return frozenset(name for name in names if name.startswith("test_"))


def test_there_are_66_paths_by_number():
    assert list(PATHS) == list(range(1, 67))


@pytest.mark.parametrize("number", PATHS)
def test_a_path_is_held_by_cases_and_tests_that_exist(number: int):
    path = PATHS[number]
    named = [test.split("::") for test in path.tests]
    assert [name for file, name in named if name not in named_in(file)] == []
    cases = [n for n in NUMBERS if n == number]
    assert cases or named


def test_no_two_cases_of_one_kind_have_one_name():
    for names in ([str(case) for case in REPLIES], [str(case) for case in REQUESTS]):
        assert len(set(names)) == len(names)
    assert set(NUMBERS) <= PATHS.keys()


def test_every_sink_is_read_by_a_coroutine_and_named_once():
    assert len({sink.name for sink in SINKS}) == len(SINKS)
    assert all(inspect.iscoroutinefunction(sink.read) for sink in SINKS)


@pytest.mark.parametrize("value", [Canaries(1).email, Canaries(1).card, "Zoë Müller 日本"])
def test_every_way_of_writing_a_value_is_found(value: str):
    for name, form, _ in forms(value):
        assert Data(b"x" + form + b"y").form_of(value), name
    spaced = Data(" ".join(value).encode())
    assert bool(spaced.form_of(value)) == value.isdigit()
    assert not Data(value[:-1].encode()).form_of(value)
