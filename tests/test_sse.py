"""Server-sent events: one reading of the bytes, however they are cut."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import sse
from sidecar.errors import BackendFailed
from sidecar.sse import KEEP_ALIVE, ServerEvent


def read(raw: bytes, *, step: int | None = None) -> list[ServerEvent]:
    parser = sse.Parser(1 << 16)
    step = step or max(len(raw), 1)
    chunks = [raw[i : i + step] for i in range(0, len(raw), step)]
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("step", [None, 1, 2, 3])
def test_lines_end_at_cr_lf_or_crlf_wherever_the_chunks_are_cut(end, step):
    lines = [b"event: message", b"id: 7", b"data: {}", b"", b"data:x", b"", b""]
    # A lone CR at the very end may still become a CRLF, so one more line is needed to end it.
    events = read(end.join(lines) + b": ping" + end + b"\n", step=step)
    assert events[:2] == [ServerEvent(b"{}", b"message", b"7"), ServerEvent(b"x")]


def test_several_data_lines_are_one_text_with_line_feeds():
    assert read(b"data: a\ndata: b\ndata\n\n") == [ServerEvent(b"a\nb\n")]


def test_a_bom_is_dropped_once_at_the_start_and_nowhere_else():
    assert read(b"\xef\xbb\xbfdata: a\n\n", step=1) == [ServerEvent(b"a")]
    assert read(b"data: a\n\n\xef\xbb\xbfdata: b\n\n") == [ServerEvent(b"a")]


def test_unicode_line_separators_are_text():
    text = "a\u2028b\u0085c\x0bd".encode()
    assert read(b"data: " + text + b"\n\n") == [ServerEvent(text)]


def test_comments_become_keep_alives_without_their_text():
    assert read(b": secret\n\n") == [KEEP_ALIVE]
    assert sse.serialise(KEEP_ALIVE) == b":\n\n"


def test_unknown_fields_bad_retries_and_unprintable_ids_are_dropped():
    raw = b"foo: bar\nretry: soon\nid: a\x00b\nid: \xc3\xa9\ndata: x\n\n"
    assert read(raw) == [ServerEvent(b"x")]


def test_a_priming_event_keeps_its_id_and_has_no_data():
    assert read(b"id: 1\nretry: 500\ndata:\n\n") == [ServerEvent(b"", b"", b"1", 500)]


def test_an_unfinished_event_is_not_given():
    assert read(b"data: a\n") == []


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 70_000, (b"data: " + b"x" * 900 + b"\n") * 80])
def test_an_event_over_the_limit_is_refused_while_it_comes(raw):
    parser = sse.Parser(1 << 16)

    def feed_all():
        for start in range(0, len(raw), 1000):
            parser.feed(raw[start : start + 1000])

    with pytest.raises(BackendFailed) as refused:
        feed_all()
    assert refused.value.reason == "event_too_large"


written = st.text(max_size=30).map(orjson.dumps)
names = st.sampled_from([b"", b"message"])
ids = st.none() | st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=8).map(
    str.encode
)


@given(
    st.lists(st.builds(ServerEvent, written, names, ids, st.none() | st.integers(0, 10**6))),
    st.integers(1, 40),
)
def test_the_json_we_write_is_read_back_whole_however_it_is_cut(events, step):
    raw = b"".join(map(sse.serialise, events))
    assert raw.decode().splitlines() == raw.decode().split("\n")[:-1]
    again = read(raw, step=step)
    assert [orjson.loads(e.data or b"") for e in again] == [orjson.loads(e.data) for e in events]
    assert [replace(e, data=None) for e in again] == [replace(e, data=None) for e in events]


@given(st.binary(max_size=300), st.integers(1, 7))
def test_any_bytes_read_the_same_in_one_piece_and_in_many(raw, step):
    assert read(raw) == read(raw, step=step)
