"""Everything that can be wrong in a row is told with its file, its line and what to do."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.catalog import load
from sidecar.errors import ConfigError

ROW = """\
tools:
  - name: list_all_notes
    confidence: published
    aliases: [list_notes]
    title: List notes
    summary: Lists notes.
    description: Lists notes.
    constraints:
      - At most 50 are answered.
    method: list
    effect: read
    tags: [notes, tasks]
    rest:
      operation: getNotes
      verb: GET
      path: "/tasks/{task_id}/notes"
      query: [status]
      body: []
    input_schema:
      type: object
      additionalProperties: false
      required: [task_id]
      properties:
        task_id: {type: string, description: The task's id.}
        status: {type: string, description: Only these., enum: [OPEN]}
    output_schema:
      type: object
      required: [result]
      properties:
        result:
          type: array
          description: The notes.
          items: {type: object, required: [id], properties: {id: {type: string, description: Id.}}}
    marks:
      status: {expected: [NAME]}
    pii:
      /name: NAME
    safe:
      - /id
    customer_text: [/body]
    subject:
      - {kind: task, source: argument, pointer: /task_id}
    examples:
      - {arguments: {task_id: t1}, verdict: allow}
"""
KEYS = [
    line.split(":")[0].strip(" -")
    for line in ROW.splitlines()[1:]
    if line.startswith(("  - ", "    ")) and line[4] not in " -"
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "required", "items", "$ref", "path", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def problems(text):
    """The problems of a folder with this one file, as `file:line what`, in order."""
    with TemporaryDirectory() as folder:
        Path(folder, "notes.yaml").write_text(text, encoding="utf-8")
        try:
            load([Path(folder)])
        except ConfigError as error:
            assert all(p.remedy for p in error.problems)
            return [f"{Path(p.where).name} {p.what}" for p in error.problems]
        return []


def test_the_row_that_the_other_tests_break_is_whole():
    assert problems(ROW) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    summary: Lists notes.\n", "", "notes.yaml:2 member 1 lacks 'summary'"),
        ("title:", "headline:", "notes.yaml:5 unknown key 'headline'"),
        ("verb: GET", "verb: GTE", "notes.yaml:15 'verb' is none of the words allowed here"),
        ("method: list", "method: lst", "notes.yaml:10 'method' is none of the words allowed here"),
        ("    tags: [notes, tasks]", "    tags: notes", "notes.yaml:12 'tags' is a string"),
        ("    title: List notes", "    title:", "notes.yaml:5 'title' is empty"),
        ("/name: NAME", "/name: NAM", "notes.yaml:37 '/name' is none of the words allowed here"),
        ("expected: [NAME]", "expect: [NAME]", "notes.yaml:35 unknown key 'expect'"),
        ("title: List notes", "title: ''", "notes.yaml:5 'title' breaks the limit minLength 1"),
        ("Only these.", "''", "notes.yaml:25 'description' breaks the limit minLength 1"),
        ("{kind: task,", "{kind: agent,", "notes.yaml:42 'kind' is none of the words allowed here"),
    ],
)
def test_what_the_schema_forbids_is_told_on_its_line(old, new, expected):
    assert ROW.count(old) == 1
    assert expected in problems(ROW.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "additionalProperties: false",
            "additionalProperties: true",
            "notes.yaml:21 'additionalProperties' is none of the words allowed here",
        ),
        (
            "      additionalProperties: false\n",
            "",
            "notes.yaml:19 'input_schema' lacks 'additionalProperties'",
        ),
        (
            ", description: The task's id.}",
            "}",
            "notes.yaml:24 'task_id' lacks 'description'",
        ),
        ("enum: [OPEN]", "oneOf: [OPEN]", "notes.yaml:25 unknown key 'oneOf'"),
        (
            "enum: [OPEN]",
            "pattern: '['",
            "notes.yaml:25 'pattern' breaks the limit format \"regex\"",
        ),
        (
            "status: {type: string,",
            "status: {type: object,",
            "notes.yaml:25 'status' lacks 'additionalProperties'",
        ),
        (
            "        task_id: {",
            "        task-id: {",
            "notes.yaml:24 key 'task-id' has a wrong form",
        ),
        (
            "description: Id.}",
            "description: Id., enum: [a]}",
            "notes.yaml:33 unknown key 'enum'",
        ),
    ],
)
def test_argument_and_answer_schemas_stay_in_their_plain_subset(old, new, expected):
    assert ROW.count(old) == 1
    assert expected in problems(ROW.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "effect: read",
            "effect: write",
            "notes.yaml:11 a list tool cannot have the effect write",
        ),
        (
            "method: list",
            "method: delete",
            "notes.yaml:11 a delete tool cannot have the effect read",
        ),
        ("[notes, tasks]", "[tasks, notes]", "notes.yaml:12 the tags are not sorted"),
        ("{task_id}/", "{job_id}/", "notes.yaml:16 'job_id' is no argument of the tool"),
        (
            "/tasks/{task_id}/",
            "/tasks/",
            "notes.yaml:24 argument 'task_id' is sent nowhere",
        ),
        ("[status]", "[state]", "notes.yaml:17 'state' is no argument of the tool"),
        ("body: []", "body: [text]", "notes.yaml:18 'text' is no argument of the tool"),
        ("body: []", "body: [status]", "notes.yaml:18 a GET request has no body"),
        ("body: []", "body: [status]", "notes.yaml:25 argument 'status' is sent 2 places"),
        (
            "required: [task_id]",
            "required: [status]",
            "notes.yaml:16 'task_id' is in the path but not required",
        ),
        (
            "required: [task_id]",
            "required: [task_id, due]",
            "notes.yaml:22 requires 'due', which it does not describe",
        ),
        (
            "required: [id]",
            "required: [key]",
            "notes.yaml:33 requires 'key', which it does not describe",
        ),
        ("status: {exp", "state: {exp", "notes.yaml:35 'state' is no argument of the tool"),
        ("pointer: /task_id", "pointer: /id", "notes.yaml:42 'id' is no argument of the tool"),
        (
            "required: [result]",
            "required: []",
            "notes.yaml:26 a list tool answers an object that has result",
        ),
        ("/name: NAME", "name: NAME", "notes.yaml:37 pattern 'name' does not begin with /"),
        ("- /id\n", "- /a*b\n", "notes.yaml:39 pattern '/a*b' has a * inside a segment"),
        ("[/body]", "[/**/a]", "notes.yaml:40 pattern '/**/a' has ** before its last segment"),
        ("- /id\n", "- /name\n", "notes.yaml:39 pattern '/name' is in pii, too"),
        ("{task_id: t1}", "{status: OPEN}", "notes.yaml:44 the input schema refuses this example"),
        ("[list_notes]", "[list_all_notes]", "the name 'list_all_notes' is taken by"),
        (
            "At most 50 are answered.",
            "See list_notes.",
            "notes.yaml:9 the text names the tool 'list_notes'",
        ),
    ],
)
def test_what_does_not_fit_together_is_told_on_its_line(old, new, expected):
    assert ROW.count(old) == 1
    assert any(expected in told for told in problems(ROW.replace(old, new)))


def test_each_of_these_breaks_is_the_only_problem_told():
    assert problems(ROW.replace("effect: read", "effect: write")) == [
        "notes.yaml:11 a list tool cannot have the effect write"
    ]
    assert problems(ROW.replace("title:", "headline:")) == [
        "notes.yaml:2 member 1 lacks 'title'",
        "notes.yaml:5 unknown key 'headline'",
    ]


def test_problems_of_every_kind_are_told_together_in_the_order_of_their_lines():
    text = ROW.replace("title:", "headline:").replace("effect: read", "effect: write")
    text = text.replace("/name: NAME", "name: NAM").replace("enum: [OPEN]", "enum: [ON]")
    assert problems(text) == [
        "notes.yaml:2 member 1 lacks 'title'",
        "notes.yaml:5 unknown key 'headline'",
        "notes.yaml:11 a list tool cannot have the effect write",
        "notes.yaml:25 is an unquoted word that YAML reads as bool",
        "notes.yaml:37 'name' is none of the words allowed here",
        "notes.yaml:37 pattern 'name' does not begin with /",
    ]


def test_rows_out_of_order_are_told_where_the_order_breaks():
    second = ROW.removeprefix("tools:\n").replace("list_all_notes", "all_notes")
    second = second.replace("list_notes", "notes_too")
    assert problems(ROW + second) == ["notes.yaml:45 'all_notes' stands after 'list_all_notes'"]


@pytest.mark.parametrize("text", ["", "tools: []", "tools: {}", "[]", "rows: []", "tools: [1]"])
def test_a_file_without_rows_is_a_problem(text):
    assert problems(text)


@given(st.sampled_from(KEYS), JSON)
def test_no_value_of_any_key_makes_loading_raise_anything_else(key, value):
    lines = ROW.splitlines()
    start = next(i for i, line in enumerate(lines) if line[4:].startswith(f"{key}:"))
    end = next((i for i, line in enumerate(lines) if i > start and line[4] not in " -"), None)
    changed = [*lines[:start], f"{lines[start][:4]}{key}: {json.dumps(value)}"]
    found = problems("\n".join([*changed, *(lines[end:] if end else [])]))
    assert all(told.startswith("notes.yaml:") for told in found)


@given(st.integers(0, len(ROW)), st.integers(0, 40), st.text(max_size=6))
def test_no_edit_of_the_text_makes_loading_raise_anything_else(at, cut, insert):
    found = problems(ROW[:at] + insert + ROW[at + cut :])
    assert all(told.startswith("notes.yaml:") for told in found)
