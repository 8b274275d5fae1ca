"""The catalog: what is found by name, where rows come from, and what the shipped rows promise.

Over 300 lines: one row, changed a member at a time, serves all of it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sidecar.catalog import Example, Rest, load, summary, table
from sidecar.catalog.patterns import fault_of
from sidecar.errors import ConfigError
from sidecar.model import ENTITIES, ArgumentMarks, PersonalData, Subject, Tool
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

FOLDER = shipped("tool_catalog")
SHIPPED = load([FOLDER])
PUBLISHED = {
    "create_a_gladly_task",
    "create_a_gladly_task_comment",
    "get_single_gladly_agent_by_id",
    "get_single_gladly_customer_by_id",
    "list_all_gladly_agents",
    "list_all_gladly_conversation_items",
    "list_all_gladly_customer_conversations",
    "list_all_gladly_customers",
    "list_all_gladly_public_answers",
    "list_all_gladly_tasks",
    "list_all_gladly_voice_transcripts",
}
NEEDED = {
    "confidence": "inferred",
    "title": "Ping",
    "summary": "Pings.",
    "description": "Pings.",
    "method": "custom",
    "effect": "write",
    "tags": ["ping"],
    "rest": {"operation": "ping", "verb": "POST", "path": "/ping", "query": [], "body": ["text"]},
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"text": {"type": "string", "description": "Text."}},
    },
    "output_schema": {"type": "object"},
}


def write(folder, name, *rows: Mapping[str, object]):
    folder.mkdir(exist_ok=True)
    tools = [{**NEEDED, **row} for row in rows]
    (folder / name).write_text(json.dumps({"tools": tools}), encoding="utf-8")
    return folder


def told(*folders: Path):
    with pytest.raises(ConfigError) as raised:
        load(folders)
    return [str(problem) for problem in raised.value.problems]


def test_a_known_tool_is_found_by_its_name(tmp_path):
    row = {
        "name": "ping",
        "marks": {"text": {"outbound": True, "expected": ["NAME"]}},
        "pii": {"/b": "NAME", "/a": "EMAIL"},
        "safe": ["/id"],
        "subject": [{"kind": "task", "source": "argument", "pointer": "/text"}],
    }
    assert load([write(tmp_path, "a.yaml", row)]).find("ping") == Tool(
        name="ping",
        is_known=True,
        method="custom",
        effect="write",
        tags=("ping",),
        pii=(PersonalData("/b", "NAME"), PersonalData("/a", "EMAIL")),
        safe=("/id",),
        subjects=(Subject("task", "argument", "/text"),),
        arguments={"text": ArgumentMarks(outbound=True, expected=("NAME",))},
        customer_text=(),
    )


def test_an_alias_finds_the_same_tool_under_the_name_that_was_asked(tmp_path):
    catalog = load(
        [write(tmp_path, "a.yaml", {"name": "ping", "aliases": ["pong"], "tags": ["x"]})]
    )
    assert (catalog.find("pong").name, catalog.find("pong").tags) == ("pong", ("x",))
    assert catalog.find("pong").is_known
    assert len(catalog) == 1


@given(st.text() | st.sampled_from(sorted(PUBLISHED)).map(str.upper))
def test_any_name_that_is_not_here_is_unknown_and_unsafe_everywhere(name):
    assert SHIPPED.find(name) == Tool(name=name)
    assert not SHIPPED.find(name).is_known
    assert SHIPPED.find(name).effect == "destructive"


@pytest.mark.parametrize("change", ["{} ", "{}\u200b", "\ufeff{}", "G{}"])
def test_a_name_that_only_looks_alike_is_another_name(change):
    assert not SHIPPED.find(change.format("list_all_gladly_customers")).is_known


def test_what_is_found_is_made_once_and_cannot_be_changed():
    found = SHIPPED.find("update_a_gladly_customer_by_id")
    assert found is SHIPPED.find("update_a_gladly_customer_by_id")
    with pytest.raises(TypeError):
        found.arguments["emails"] = ArgumentMarks()  # type: ignore[index]


def test_a_row_says_all_that_the_backend_needs(tmp_path):
    row = {"name": "ping", "constraints": ["One.", "Two."], "customer_text": ["/a"]}
    (made,) = load([write(tmp_path, "a.yaml", row)]).rows
    assert made.rest == Rest("ping", "POST", "/ping", (), ("text",))
    assert made.description == "Pings. One. Two."
    assert (made.constraints, made.tool.customer_text) == (("One.", "Two."), ("/a",))
    assert (made.title, made.summary, made.confidence) == ("Ping", "Pings.", "inferred")
    assert (made.aliases, made.examples, made.file) == ((), (), "a.yaml")
    assert made.input_schema == NEEDED["input_schema"]
    assert made.output_schema == {"type": "object"}


def test_a_row_without_rest_is_another_backends(tmp_path):
    folder = write(tmp_path, "a.yaml", {"name": "ping"})
    text = (folder / "a.yaml").read_text()
    row = json.loads(text)["tools"][0]
    del row["rest"]
    (folder / "a.yaml").write_text(json.dumps({"tools": [row]}))
    (made,) = load([folder]).rows
    assert made.rest is None
    assert made.tool.arguments == {"text": ArgumentMarks()}


def test_an_example_says_which_rules_deny_it(tmp_path):
    examples = [
        {"arguments": {}, "verdict": "allow"},
        {"arguments": {"text": "x"}, "verdict": "deny", "rules": ["access.bulk", "access.tags"]},
    ]
    (made,) = load([write(tmp_path, "a.yaml", {"name": "ping", "examples": examples})]).rows
    assert made.examples == (
        Example({}, ()),
        Example({"text": "x"}, ("access.bulk", "access.tags")),
    )


def test_a_later_folder_adds_tools(tmp_path):
    ours = write(tmp_path / "ours", "a.yaml", {"name": "ping"})
    theirs = write(tmp_path / "theirs", "a.yaml", {"name": "a_first"}, {"name": "zing"})
    assert [row.tool.name for row in load([ours, theirs]).rows] == ["a_first", "ping", "zing"]


@pytest.mark.parametrize(
    "row", [{"name": "ping"}, {"name": "pang"}, {"name": "q", "aliases": ["ping"]}]
)
def test_a_later_folder_cannot_redefine_a_name(tmp_path, row):
    ours = write(tmp_path / "ours", "a.yaml", {"name": "ping", "aliases": ["pang"]})
    theirs = write(tmp_path / "theirs", "b.yaml", row)
    (problem,) = told(ours, theirs)
    assert problem.startswith(f"{theirs / 'b.yaml'}:1: the name 'p")
    assert f"is taken by {ours / 'a.yaml'}:1" in problem


def test_the_problems_of_all_files_are_told_at_once(tmp_path):
    folder = write(tmp_path, "a.yaml", {"name": "ping", "tags": ["b", "a"]})
    write(tmp_path, "b.yaml", {"name": "pong", "effect": "none"})
    (tmp_path / "c.yaml").write_text("\ntools: [", encoding="utf-8")
    assert [Path(problem.split(": ")[0]).name for problem in told(folder)] == [
        "a.yaml:1",
        "b.yaml:1",
        "c.yaml:3",
    ]


def test_a_folder_that_is_not_there_is_a_problem(tmp_path):
    (problem,) = told(FOLDER, tmp_path / "none")
    assert problem.startswith(f"{tmp_path / 'none'}: cannot be read as a folder")


def test_a_catalog_without_a_file_is_a_problem_and_an_empty_second_folder_is_none(tmp_path):
    (problem,) = told(tmp_path)
    assert problem.startswith(f"{tmp_path}: no *.yaml file is here")
    assert told()[0].startswith("the catalog: no *.yaml file is here")
    assert load([FOLDER, tmp_path]).sha256 == SHIPPED.sha256


def test_a_file_that_would_be_passed_over_by_its_name_is_a_problem(tmp_path):
    write(tmp_path, "a.yml", {"name": "ping"})
    assert told(tmp_path) == [f"{tmp_path / 'a.yml'}: does not end in .yaml (rename it to *.yaml)"]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    (problem,) = told(tmp_path)
    assert problem.startswith(f"{tmp_path / 'a.yaml'}: cannot be read")


def test_other_and_hidden_files_are_passed_over_and_links_are_followed(tmp_path):
    write(tmp_path / "..data", "a.yaml", {"name": "ping"})
    (tmp_path / "a.yaml").symlink_to(os.path.join("..data", "a.yaml"))  # noqa: PTH118 - as a ConfigMap has it
    (tmp_path / ".hidden.yaml").write_text("[", encoding="utf-8")
    (tmp_path / "README.md").write_text("[", encoding="utf-8")
    assert len(load([tmp_path])) == 1


def test_the_digest_follows_what_rows_say_and_nothing_else(tmp_path):
    first = load([write(tmp_path / "a", "a.yaml", {"name": "ping"}, {"name": "pong"})]).sha256
    split = write(tmp_path / "b", "y.yaml", {"name": "ping"})
    write(split, "x.yaml", {"name": "pong"})
    with (split / "x.yaml").open("a", encoding="utf-8") as file:
        file.write("\n# a comment\n")
    other = write(tmp_path / "c", "a.yaml", {"name": "ping"}, {"name": "pong", "effect": "read"})
    assert load([split]).sha256 == first
    assert load([other]).sha256 != first


def test_the_table_has_a_line_for_each_tool(tmp_path):
    row = {"name": "ping", "pii": {"/b": "NAME", "/a": "EMAIL", "/c": "NAME"}}
    folder = write(tmp_path, "a.yaml", row, {"name": "pong", "customer_text": ["/a"]})
    write(tmp_path, "b.yaml", {"name": "a", "effect": "read", "tags": ["x", "y"]})
    assert table(load([folder])) == (
        "| name | method | effect | tags | personal data |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| `a` | custom | read | x, y | - |\n"
        "| `ping` | custom | write | ping | EMAIL, NAME |\n"
        "| `pong` | custom | write | ping | free text |\n"
    )


def test_the_shipped_catalog_has_every_published_tool():
    assert {row.tool.name for row in SHIPPED.rows if row.confidence == "published"} == PUBLISHED


def test_the_schema_of_the_catalog_is_a_schema_and_knows_the_kinds_of_the_model():
    schema = json.loads((FOLDER / "tool.schema.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]["entity"]["enum"]) == ENTITIES


@pytest.mark.parametrize("row", SHIPPED.rows, ids=lambda row: row.tool.name)
def test_each_shipped_row_describes_its_arguments_in_schemas_that_are_schemas(row):
    Draft202012Validator.check_schema(row.input_schema)
    Draft202012Validator.check_schema(row.output_schema)
    assert all(len(text) > 3 for text in _descriptions(row.input_schema))
    assert all(len(text) > 3 for text in _descriptions(row.output_schema))


def _descriptions(schema):
    """The description of every property at every depth; empty where it has none."""
    for part in schema.get("properties", {}).values():
        yield part.get("description", "")
        yield from _descriptions(part)
    yield from _descriptions(schema["items"]) if "items" in schema else ()


@pytest.mark.parametrize("row", SHIPPED.rows, ids=lambda row: row.tool.name)
def test_each_shipped_row_keeps_to_the_patterns_and_to_its_own_record(row):
    tool = row.tool
    patterns = [*(p.pattern for p in tool.pii), *tool.safe, *row.tool.customer_text]
    assert [p for p in patterns if fault_of(p)] == []
    record = row.output_schema.get("properties", {})
    if "result" in record:
        record = record["result"]["items"].get("properties", {})
    if "export" not in tool.tags:
        assert [p for p in patterns if p.split("/")[1] not in record] == []


def test_records_of_one_kind_are_marked_alike_wherever_they_are_answered():
    for one, other in [
        ("get_single_gladly_customer_by_id", "list_all_gladly_customers"),
        ("get_single_gladly_agent_by_id", "list_all_gladly_agents"),
        ("get_single_gladly_conversation_by_id", "list_all_gladly_customer_conversations"),
        ("get_single_gladly_conversation_item_by_id", "list_all_gladly_conversation_items"),
        ("create_a_gladly_conversation_item", "list_all_gladly_conversation_items"),
        ("create_a_gladly_customer_conversation_item", "list_all_gladly_conversation_items"),
        ("get_single_gladly_conversation_note_by_id", "list_all_gladly_conversation_items"),
        ("get_single_gladly_task_by_id", "list_all_gladly_tasks"),
        ("get_single_gladly_task_comment_by_id", "list_all_gladly_task_comments"),
        ("create_a_gladly_business_hour", "list_all_gladly_business_hours"),
        ("get_single_gladly_business_hour_by_id", "list_all_gladly_business_hours"),
        ("update_a_gladly_business_hour_by_id", "list_all_gladly_business_hours"),
        ("get_single_gladly_export_job_by_id", "list_all_gladly_export_jobs"),
        ("get_single_gladly_inbox_by_id", "list_all_gladly_inboxes"),
        ("get_single_gladly_public_answer_by_id", "list_all_gladly_public_answers"),
        ("get_single_gladly_team_by_id", "list_all_gladly_teams"),
        ("get_single_gladly_topic_by_id", "list_all_gladly_topics"),
        ("get_single_gladly_webhook_by_id", "list_all_gladly_webhooks"),
        ("update_a_gladly_answer_content_by_id", "list_all_gladly_answer_contents"),
    ]:
        rows = {row.tool.name: row for row in SHIPPED.rows}
        assert rows[one].tool.pii == rows[other].tool.pii
        assert rows[one].tool.safe == rows[other].tool.safe
        assert rows[one].tool.customer_text == rows[other].tool.customer_text
        listed = rows[other].output_schema["properties"]["result"]["items"]
        assert rows[one].output_schema == listed


def test_an_export_file_is_marked_as_the_records_in_it_are():
    file = SHIPPED.find("get_single_gladly_export_job_file_by_id")
    for name in ("list_all_gladly_conversation_items", "list_all_gladly_agents"):
        tool = SHIPPED.find(name)
        assert set(tool.pii) <= set(file.pii)
        assert set(tool.safe) <= set(file.safe)


def test_nothing_shipped_writes_over_a_customer_unmarked():
    tool = SHIPPED.find("update_a_gladly_customer_by_id")
    (row,) = [row for row in SHIPPED.rows if row.tool.name == tool.name]
    assert row.rest is not None
    assert all(tool.arguments[name].overwrites for name in row.rest.body)
    assert SHIPPED.find("delete_a_gladly_customer_by_id").effect == "destructive"


def test_bulk_data_and_tasks_are_told_as_they_are():
    assert "bulk_pii" in SHIPPED.find("get_single_gladly_export_job_file_by_id").tags
    (row,) = [row for row in SHIPPED.rows if row.tool.name == "create_a_gladly_task"]
    assert row.input_schema["required"] == ["customer_id", "body", "dueAt", "assignee"]
    assert "priority" not in row.input_schema["properties"]


def test_a_summary_has_a_line_for_each_resource(tmp_path):
    folder = write(tmp_path, "pings.yaml", {"name": "ping", "pii": {"/b": "NAME"}})
    gone = {"name": "zap", "method": "delete", "effect": "destructive", "tags": ["a"]}
    write(tmp_path, "all.yaml", {"name": "see", "effect": "read", "customer_text": ["/a"]}, gone)
    assert summary(load([folder])) == (
        "| resource | reads | writes | destroys | tags | personal data |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| [all](tool_catalog/all.yaml) | 1 | - | 1 | a, ping | free text |\n"
        "| [pings](tool_catalog/pings.yaml) | - | 1 | - | ping | NAME |\n"
    )
