"""Records inside a text that is no JSON: read leniently, or withheld; prose passes."""

from __future__ import annotations

import orjson
import pytest
from redaction_parts import CUSTOMER, JANE

from sidecar.errors import BackendFailed
from sidecar.redaction import redact

LENIENT = orjson.dumps(JANE).decode()[:-1]


def shown(text: str) -> str:
    done = redact({"content": [{"type": "text", "text": text}]}, CUSTOMER, ())
    return str(done.value["content"][0]["text"])


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (LENIENT + ',"x":"great \\ud83d"}', ',"x":"great \ufffd"}'),
        (LENIENT + ',"x":NaN}', ',"x":null}'),
        (LENIENT + ',"x":"a\tb"}', ',"x":"a\\tb"}'),
        (LENIENT + ',"x":1' + "0" * 400 + "}", '"}'),
        ("\ufeff" + LENIENT + "}", "}"),
        ("[" + LENIENT + "},", "},"),
        ("[" * 16 + LENIENT + "}", "}"),
        ('{"result":[' + LENIENT + '}],"x":-Infinity}', '}],"x":null}'),
        (orjson.dumps(LENIENT + ',"x":NaN}').decode()[:-1] + '\\ud83d"', '\ufffd"'),
    ],
)
def test_records_that_only_a_lenient_reader_takes_for_json_are_masked_by_path(text, rest):
    done = shown(text)
    assert "Jane" not in done
    assert "Springfield" not in done
    assert "[ADDRESS]" in done
    assert done.endswith(rest)


def quoted(text: str, times: int) -> str:
    for _ in range(times):
        text = orjson.dumps(text).decode()
    return text


@pytest.mark.parametrize(
    "text",
    [
        LENIENT + ",}",
        LENIENT,
        "Found: " + LENIENT + ",}",
        '{"result":[' + LENIENT + "},]}",
        quoted(LENIENT + "}", 5),
        quoted(LENIENT + ",}", 1),
        "Found: " + quoted(LENIENT + "}", 1),
        "{'name': 'Jane Doe'}",
        '{name: "Jane Doe"}',
        '{"a":' * 5000,
    ],
)
def test_what_looks_like_a_record_and_cannot_be_read_is_withheld(text):
    with pytest.raises(BackendFailed) as caught:
        shown(text)
    assert caught.value.reason == "unscannable"


@pytest.mark.parametrize(
    "text",
    [
        'Dear {name}, your "case": it is open [1]',
        "[10:42] Agent: hello\n" * 40,
        "{{greeting}} she said {x: 1}",
        "p {color: red}",
        quoted("five [times] quoted", 5),
        "{" * 5000,
    ],
)
def test_prose_with_brackets_passes(text):
    assert shown(text) == text
