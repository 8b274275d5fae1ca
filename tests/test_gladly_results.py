"""What the model reads, for each kind of answer that Gladly gives."""

import json

import pytest
from gladly_fixtures import catalog, text
from mcp_types import AudioContent

from sidecar.gladly import results
from sidecar.gladly.client import Answer, UnreachableError

ROWS = {row.tool.name: row for row in catalog().rows}
LIST = ROWS["list_all_gladly_agents"]
GET = ROWS["get_single_gladly_customer_by_id"]
CREATE = ROWS["create_a_gladly_task"]


def answer(status: int, body: object = None, **headers: str) -> Answer:
    raw = b"" if body is None else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    return Answer(status, tuple(named.items()), raw)


@pytest.mark.parametrize(
    ("flag", "is_partial"), [(None, False), ("true", True), ("1000", True), ("false", False)]
)
def test_a_list_comes_in_an_envelope_that_says_whether_it_was_cut(flag, is_partial):
    headers = {"gladly_limited_data": flag} if flag else {}
    outcome = results.result(LIST, answer(200, [{"id": "a"}], **headers))
    value = {"result": [{"id": "a"}], "result_count": 1, "is_partial_response": is_partial}
    assert outcome.structured_content == value
    assert json.loads(text(outcome)) == value
    assert not outcome.is_error


def test_one_object_where_a_list_is_promised_becomes_a_list_of_one():
    row = ROWS["list_all_gladly_voice_transcripts"]
    outcome = results.result(row, answer(200, {"paragraphs": []}))
    assert outcome.structured_content["result"] == [{"paragraphs": []}]


def test_json_lines_become_a_list():
    lines = Answer(200, (("content-type", "application/x-ndjson"),), b'{"id":"a"}\n\n{"id":"b"}\n')
    outcome = results.result(ROWS["get_single_gladly_export_job_file_by_id"], lines)
    assert outcome.structured_content["result"] == [{"id": "a"}, {"id": "b"}]


def test_a_single_record_is_passed_as_it_is():
    record = {"id": "a", "unheardOf": {"x": "\u2028é"}}
    outcome = results.result(GET, answer(200, record))
    assert outcome.structured_content == json.loads(text(outcome)) == record


def test_a_create_answers_the_id_from_the_location():
    made = results.result(CREATE, answer(201, location="/api/v1/tasks/t1"))
    assert made.structured_content == {"id": "t1"}
    assert results.result(CREATE, answer(201)).structured_content == {}
    delete = ROWS["delete_a_gladly_customer_by_id"]
    assert results.result(delete, answer(204)).structured_content == {}


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{"])
def test_an_answer_that_is_not_the_promised_json_is_an_error_without_its_text(body):
    outcome = results.result(GET, Answer(200, (), body))
    assert outcome.is_error
    assert "html" not in text(outcome)


def test_a_table_becomes_a_list_of_its_rows():
    table = Answer(200, (("content-type", "text/csv;charset=utf-8"),), b'a,b\n1,"x, y"\n2,\n')
    outcome = results.result(LIST, table)
    assert outcome.structured_content["result"] == [{"a": "1", "b": "x, y"}, {"a": "2", "b": ""}]


def test_a_redirect_to_a_file_answers_where_it_is():
    outcome = results.result(GET, answer(303, location="https://files.example/1?signed=x"))
    assert outcome.structured_content == {"location": "https://files.example/1?signed=x"}


def test_a_recording_comes_as_sound_beside_its_size():
    def sound_of(body: bytes) -> Answer:
        return Answer(200, (("content-type", "audio/mpeg"),), body)

    outcome = results.result(GET, sound_of(b"\xff\xfb\x90"))
    assert outcome.structured_content == {"media_type": "audio/mpeg", "size": 3}
    listed = ROWS["list_all_gladly_conversation_item_media"]
    assert results.result(listed, sound_of(b"x")).structured_content["result"] == [
        {"media_type": "audio/mpeg", "size": 1}
    ]
    sound = outcome.content[1]
    assert isinstance(sound, AudioContent)
    assert (sound.data, sound.mime_type) == ("//uQ", "audio/mpeg")


def test_no_answer_to_a_write_warns_that_it_may_have_happened():
    lost = UnreachableError("Gladly did not answer in time", is_sent=True)
    assert "may have been made" in text(results.unreachable(CREATE, lost))
    assert "Nothing was changed" in text(results.unreachable(GET, lost))
    unsent = UnreachableError("Gladly cannot be reached", is_sent=False)
    assert "Nothing was changed" in text(results.unreachable(CREATE, unsent))
