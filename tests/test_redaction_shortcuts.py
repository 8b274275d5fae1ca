"""What is done to be quick gives what the slow way gives."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_redaction_properties import texts as any_texts
from test_redaction_properties import values
from test_redaction_recognisers import SURVIVORS, TABLE

from sidecar.errors import BackendFailed
from sidecar.model import Mask, PersonalData, Tool
from sidecar.redaction import detect, escapes, leaves, marks, redact, scrub, scrubbing, wordings
from sidecar.redaction.bypath import _kind
from sidecar.redaction.known import Known
from sidecar.redaction.reading import further, undone
from sidecar.redaction.recogniser import Span, blanked
from sidecar.redaction.recognisers import ALL
from sidecar.redaction.recognisers.token import LABEL

SAMPLES = [*(text for _, text, _ in TABLE), *SURVIVORS]
PIECES = ["[PHONE]", "[CARD:…1111]", "/mcp/", "?token=", "Cookie: ", "&sig=", "\\", "\n", " "]
piece = st.one_of(st.sampled_from(SAMPLES), any_texts, st.sampled_from(PIECES))
texts = st.lists(piece, max_size=4).map("".join)
contexts = st.sampled_from(["", "phone: ", "pin: ", LABEL])


def every_recogniser(text: str, context: str) -> list[Span]:
    """All recognisers one by one, no gate asked."""
    data = (context + text).encode("utf-8", "replace")
    skip = len(context)
    found = []
    for span in (span for recogniser in ALL for span in recogniser.find(data)):
        start, end = (len(data[:at].decode()) - skip for at in (span.start, span.end))
        if end > 0:
            found.append(Span(span.entity, max(start, 0), end))
    return found


def slowly_read(text: str, context: str, depth: int = 3) -> list[Span]:
    """Every other reading of a text looked at by every recogniser, no common gate asked."""
    data = text.encode()
    steps = escapes.STEPS if escapes.is_escaped(data) else ()
    reading = undone(text, steps)
    found = reading.spans(every_recogniser(reading.text, context)) if reading.text != text else []
    data = reading.text.encode()
    unusual = further(reading, wordings.STEPS) if wordings.is_unusual(data) else reading
    if unusual.text != reading.text:
        found += unusual.spans(every_recogniser(unusual.text, context))
    for run in escapes.runs(reading.text) if depth and escapes.has_run(data) else ():
        said = run.text
        inner = [*every_recogniser(said, context), *slowly_read(said, context, depth - 1)]
        for entity in dict.fromkeys(s.entity for s in inner):
            (span,) = reading.spans([Span(entity, run.start, run.end)])
            found.append(span._replace(is_whole=True))
    return found


def slowly_detected(text: str, context: str) -> list[Span]:
    """The same texts are looked at as `detect` looks at: without masks, and as a reader reads."""
    if context == LABEL and len(text) >= 3 and not detect.is_mask(text):
        return [Span("TOKEN", 0, len(text))]
    text = blanked(text, detect.masks(text), "\x00")
    found = [*every_recogniser(text, context), *slowly_read(text, context)]
    return sorted(dict.fromkeys(found), key=lambda s: (s.start, -s.end))


@pytest.mark.thorough
@given(texts, contexts)
@settings(max_examples=400, deadline=None)
def test_the_gates_change_nothing_of_what_is_found(text, context):
    assert detect.detect(text, context) == slowly_detected(text, context)


@pytest.mark.thorough
@given(texts)
@settings(max_examples=400, deadline=None)
def test_the_gate_of_logs_changes_nothing_of_what_is_scrubbed(text):
    extra = list(scrubbing._extra(blanked(text, detect.masks(text), "\x00")))
    assert scrub(text) == detect.replaced(text, slowly_detected(text, "") + extra)


@pytest.mark.parametrize(
    "text", ["agent-1", "https://issuer.example", "list_tools", "", "0af7" * 8]
)
def test_names_pass_the_gate_of_logs_at_once(text):
    assert detect.is_plainly_clean(text, scrubbing._GATE)
    assert scrub(text) == text


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("POST /mcp/abcdefgh", "POST /mcp/[TOKEN]"),
        ("/x?token=ab", "/x?token=[TOKEN]"),
        ("/x;a=1;%74oken=ab", "/x;a=1;%74oken=[TOKEN]"),
        ("https://b.example/x?a=Jane&b#c", "https://b.example/x?[TOKEN]#c"),
        ("/x?q=Jane", "/x?q=[TOKEN]"),
        ("mcp-param-customer: Jane Roe", "mcp-param-customer: [TOKEN]"),
        ("(b'Last-Event-ID', b'Jane 1')", "(b'Last-Event-ID', b'[TOKEN]')"),
        ("x-gladly-token: abc", "x-gladly-token: [TOKEN]"),
        ("Cookie: abc", "Cookie: [TOKEN]"),
        ("mcp-session-id=abc", "mcp-session-id=[TOKEN]"),
    ],
)
def test_the_gate_of_logs_sees_what_no_recogniser_sees(text, scrubbed):
    assert detect.detect(text) == []
    assert scrub(text) == scrubbed


def test_a_set_of_gates_that_says_nothing_lets_every_recogniser_look(monkeypatch):
    class Silent:
        def Match(self, data: bytes) -> list[int]:  # noqa: N802 - RE2's own name
            return []

    monkeypatch.setattr(detect, "_GATES", Silent())
    for entity, text, _ in TABLE:
        assert entity in {span.entity for span in detect.detect(text)}
    assert detect.detect("nothing") == []


@pytest.mark.thorough
@given(st.binary(max_size=60) | texts.map(orjson.dumps))
@settings(max_examples=300, deadline=None)
def test_escapes_are_undone_as_one_after_the_other_would_be(data):
    slow = data
    for escape in (b"\\n", b"\\r", b"\\t"):
        slow = slow.replace(escape, b" ")
    assert detect.unescaped(data) == slow.replace(b"\\", b"")


def test_a_short_word_as_a_key_needs_no_look():
    longest = "A" * 19
    assert detect.detect(longest) == []
    assert leaves.public_key(longest) == longest
    assert leaves.public_key("AKIAABCDEFGHIJKLMNOP") == "[TOKEN]"


@pytest.mark.parametrize(
    ("entity", "raw", "kind"),
    [
        ("EMAIL", "jane@example.com", "EMAIL"),
        ("PHONE", "jane@example.com", "EMAIL"),
        ("PHONE", "jane@localhost", "EMAIL"),
        ("PHONE", "jane19841231%40example.com", "EMAIL"),
        ("PHONE", "jane19841231＠example.com", "EMAIL"),
        ("EMAIL", "+14155552671", "PHONE"),
        ("EMAIL", "555-26", "PHONE"),
        ("EMAIL", "(415) 555-2671 x 3", "PHONE"),
        ("EMAIL", "+1\u00a0415\u00a0555\u00a02671", "PHONE"),
        ("EMAIL", "1234", "EMAIL"),
        ("PHONE", "1234", "PHONE"),
        ("PHONE", "unknown", "PHONE"),
        ("EMAIL", "", "EMAIL"),
        ("EMAIL", 4155552671, "EMAIL"),
        ("NAME", "jane@example.com", "NAME"),
        ("CUSTOM", "4155552671", "CUSTOM"),
    ],
)
def test_a_contact_field_holds_what_it_looks_like(entity, raw, kind):
    assert _kind(entity, raw) == kind


TOOL = Tool("t", pii=(PersonalData("/name", "NAME"), PersonalData("/a/*", "EMAIL")), safe=("/id",))
actions = st.sampled_from(["keep", "mask", "last4", "pseudonym", "drop"])
rules = st.lists(
    st.builds(
        Mask, st.just("t"), actions, st.just("c"), st.sampled_from(["EMAIL", "PHONE", "NAME"])
    ),
    max_size=3,
)


@given(values, rules)
@settings(max_examples=200, deadline=None)
def test_an_object_and_its_text_are_masked_alike(value, masks):
    payload = {"result": [value]}
    try:
        text = orjson.dumps(payload).decode()
        content = [{"type": "text", "text": text}]
        done = redact({"structuredContent": payload, "content": content}, TOOL, masks).value
    except (BackendFailed, TypeError):
        return
    assert orjson.loads(done["content"][0]["text"]) == done["structuredContent"]


def test_what_is_safe_and_what_is_named_are_told_apart():
    tree = marks.tree((PersonalData("/a/x", "NAME"),), ("/a/**", "/id"), (("/id", "mask"),))
    record: dict[str, Any] = {"a": {"x": "Jane", "y": 1}, "id": "X"}
    named = marks.places(record, tree.named).values()
    assert [(p.key, p.mark.entity, p.mark.action) for p in named] == [
        ("x", "NAME", None),
        ("id", "", "mask"),
    ]
    safe = marks.places(record, tree.safe)
    assert set(safe) == {(id(record["a"]), "x"), (id(record["a"]), "y"), (id(record), "id")}


def test_json_in_any_other_text_than_a_payload_has_no_safe_places():
    tool = Tool("t", pii=(PersonalData("/name", "NAME"),), safe=("/a",))
    value = "20260504T093127Z4155552671"[:22]
    record = {"a": value, "note": orjson.dumps({"a": "4111111111111111"}).decode(), "b": "x@x.test"}
    shown = redact({"structuredContent": record}, tool, ()).value["structuredContent"]
    assert shown["a"] == value
    assert orjson.loads(shown["note"]) == {"a": "[CARD]"}


@pytest.mark.parametrize("many", [0, 40])
def test_known_values_are_looked_for_alike_whether_few_or_many(many):
    known = Known()
    known.add("NAME", "mask", "Jane Roe")
    for number in range(many):
        known.add("EMAIL", "mask", f"someone{number}@example.com")
    assert known.is_in(b'{"a":"Hello jane roe"}')
    assert known.is_live
    assert not known.is_in(b'{"a":"nobody"}')
    assert not known.is_live
