"""YAML bytes become JSON values that know their lines, and nothing ambiguous is taken."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sidecar.catalog.source import _LOADER, MAX_DEPTH, read

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def told(text):
    source = read("f.yaml", text.encode())
    return [f"{p.where} {p.what}" for p in source.problems(source.faults)]


def test_every_place_knows_its_line():
    source = read(
        "f.yaml", b"# a comment\ntools:\n  - name: a\n    tags:\n      - x\n\n      - y\n"
    )
    assert source.value == {"tools": [{"name": "a", "tags": ["x", "y"]}]}
    assert source.where(("tools", 0, "name")) == "f.yaml:3"
    assert source.where(("tools", 0, "tags", 1)) == "f.yaml:7"


def test_a_place_that_is_not_there_has_the_line_of_what_is_around_it():
    source = read("f.yaml", b"\ntools:\n  - name: a\n")
    assert source.line(("tools", 0, "summary", 7)) == 3
    assert source.line(("nothing",)) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: [", "is not YAML: did not find expected node content"),
        ("a: 1\n\t- b", "is not YAML: found a tab character that violates indentation"),
        ("a: 1\nb: \x01", "is not YAML: a character that YAML does not allow"),
        ("a: 1\na: 2", "is the second key 'a' here"),
        ("a: &x [1]\nb: *x", "is a YAML alias"),
        ("a: 1\nb: !!set {c}", "has a YAML tag"),
        ("a: 1\nb: !mine c", "has a YAML tag"),
        ("a: 1\n1: 2", "is a key that is no string"),
        ("a: 1\n? [b]\n: c", "is a key that is no string"),
        ("a: 1\n<<: {b: c}", "is an unquoted word that YAML reads as merge"),
        ("a: 1\nb: ON", "is an unquoted word that YAML reads as bool"),
        ("a: 1\nb: ~", "is an unquoted word that YAML reads as null"),
        ("a: 1\nb: 2026-01-02", "is an unquoted word that YAML reads as timestamp"),
        ("a: 1\nb: 0x1F", "is an unquoted word that YAML reads as int"),
        ("a: 1\nb: 010", "is an unquoted word that YAML reads as int"),
        ("a: 1\nb: 1:30", "is an unquoted word that YAML reads as int"),
        ("a: 1\nb: .inf", "is an unquoted word that YAML reads as float"),
        ("a: 1\nb: 1" + "0" * 30, "is an unquoted word that YAML reads as int"),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_a_fault_on_its_line(text, expected):
    (problem,) = told(text)
    assert problem.startswith("f.yaml:")
    assert problem.endswith(expected)
    assert problem.split(" ", 1)[0] in {"f.yaml:2", "f.yaml:3"}


def test_a_file_in_another_encoding_is_a_fault_on_the_line_of_the_odd_byte():
    source = read("f.yaml", "a: 1\nb: é\n".encode("latin-1"))
    (problem,) = source.problems(source.faults)
    assert str(problem) == "f.yaml:2: is not UTF-8 (save the file as UTF-8)"


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert read("f.yaml", b"\xef\xbb\xbfa: 1").value == {"a": 1}


def test_two_documents_in_one_file_are_a_fault():
    assert told("---\na: 1\n---\nb: 2\n") == ["f.yaml:2 holds more than one document"]


def test_an_empty_file_has_no_value_and_no_fault_of_its_own():
    assert (read("f.yaml", b"").value, told("")) == (None, [])


def test_quoted_words_are_strings_and_plain_json_words_are_values():
    text = b'["ON", \'1\', true, false, null, 3, -2.5, plain words, ""]'
    assert read("f", text).value == ["ON", "1", True, False, None, 3, -2.5, "plain words", ""]


def test_nesting_without_end_is_a_fault_and_does_not_exhaust_the_stack():
    depth = 5_000
    assert told("[" * depth + "]" * depth) == [
        f"f.yaml:1 is nested more than {MAX_DEPTH} levels deep"
    ]
    assert told("a: " + "{b: " * 100 + "c" + "}" * 100 + "\nd: ~")[1:] == [
        "f.yaml:2 is an unquoted word that YAML reads as null"
    ]


def test_faults_are_told_once_and_in_the_order_of_their_lines():
    source = read("f.yaml", b"b: ON\na: ~\n")
    assert [p.where for p in source.problems([*source.faults, *source.faults])] == [
        "f.yaml:1",
        "f.yaml:2",
    ]


@given(JSON)
def test_what_is_written_as_json_is_read_back_as_it_was(value):
    source = read("f", json.dumps(value, ensure_ascii=False).encode())
    assert (source.value, source.faults) == (value, ())


@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}?&*!|>'\"#,% \n\t1~<").map(str.encode))
def test_no_bytes_make_the_reader_raise_and_without_a_fault_it_reads_what_pyyaml_reads(data):
    source = read("f", data)
    assert source.faults or source.value == yaml.load(data, Loader=_LOADER)
