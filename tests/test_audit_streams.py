"""Shipped streams: mixed, wrapped, broken, repeated and out of order; what is missing is found.

Over 300 lines: every way of wrapping has its cases.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealed import KEY, STRANGERS_KEY, Scribe, edited, lifecycle, resealed
from test_audit_event import intent, outcome

from sidecar import audit
from sidecar.audit.chain import Tip, hash_of
from sidecar.audit.notes import Keyring
from sidecar.audit.streams import Fleet
from sidecar.errors import ConfigError

RING = Keyring([KEY.public_key()])


def fleet() -> list[Scribe]:
    """Three instances: each a start, calls, checkpoints in between and at the end, and a stop."""
    scribes = [Scribe(f"pod-{n}:8080") for n in (1, 2, 3)]
    for scribe in scribes:
        scribe.add(lifecycle("start"))
        scribe.checkpoint()
        scribe.calls(4)
        scribe.checkpoint()
        scribe.calls(4)
        scribe.add(lifecycle("stop"))
        scribe.checkpoint()
    return scribes


FLEET = fleet()
ALL = [raw for scribe in FLEET for raw in scribe.lines]
NAMES = ["pod-1:8080", "pod-2:8080", "pod-3:8080"]


def as_shipped(raw: bytes) -> bytes:
    return json.dumps({"audit": raw.decode().removesuffix("\n")}).encode() + b"\n"


def as_docker(raw: bytes) -> bytes:
    """The runtime's own JSON around ours, its members sorted and spaced in its own way."""
    inner = json.dumps({"audit": raw.decode().removesuffix("\n")}, ensure_ascii=True) + "\n"
    outer = {"stream": "stdout", "log": inner, "time": "2026-11-22T12:00:00Z"}
    return json.dumps(outer, sort_keys=True, separators=(" , ", " : ")).encode() + b"\n"


def as_collector(raw: bytes) -> bytes:
    """A collector that parsed the outermost JSON and wrote it as it likes."""
    message = {"kubernetes": {"pod": "x"}, "audit": raw.decode().removesuffix("\n"), "n": [1.50]}
    return json.dumps({"@timestamp": 1, "fields": [message]}, sort_keys=True).encode() + b"\n"


def as_otlp(raws: Iterable[bytes]) -> bytes:
    records = [{"body": {"stringValue": raw.decode().removesuffix("\n")}} for raw in raws]
    scope = {"scopeLogs": [{"logRecords": records}]}
    return json.dumps({"resourceLogs": [scope]}).encode() + b"\n"


def as_cri(raw: bytes) -> list[bytes]:
    """A container runtime's file: what it puts before a line, and long lines in pieces."""
    text, stamp = as_shipped(raw).removesuffix(b"\n"), b"2026-11-22T12:00:00.1Z stdout "
    head, tail = text[:100], text[100:]
    return [stamp + b"P " + head + b"\n", stamp + b"F " + tail + b"\n"]


def verified(lines: Iterable[bytes], *expected: str, anchors: str | None = None) -> Fleet:
    return audit.verify_stream(lines, expected=expected, anchors=anchors, keys=RING)


WRAPPINGS = {
    "bare": list,
    "shipped": lambda raws: [as_shipped(raw) for raw in raws],
    "docker": lambda raws: [as_docker(raw) for raw in raws],
    "collector": lambda raws: [as_collector(raw) for raw in raws],
    "otlp": lambda raws: [as_otlp(raws[:7]), as_otlp(raws[7:])],
    "cri": lambda raws: [piece for raw in raws for piece in as_cri(raw)],
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_three_mixed_streams_verify_in_any_wrapping(wrap):
    mixed = list(ALL)
    random.Random(7).shuffle(mixed)
    found = verified(wrap(mixed), *NAMES)
    assert found.problems == ()
    assert found.is_valid
    assert [name for name, _ in found.chains] == NAMES
    assert all(one.has_clean_stop and one.checkpoints == 3 for _, one in found.chains)


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_an_instance_that_was_removed_is_found_by_the_names_that_are_expected(wrap, gone):
    kept = [raw for n, scribe in enumerate(FLEET) if n != gone for raw in scribe.lines]
    random.Random(gone).shuffle(kept)
    found = verified(wrap(kept), *NAMES)
    assert (found.is_valid, found.missing) == (False, (NAMES[gone],))
    assert found.problems == (f"Instance {NAMES[gone]} has no line in this stream.",)
    assert verified(wrap(kept)).is_valid, "nobody was expected"


def strangers_line(owner: Scribe) -> list[bytes]:
    """A log that ends in an unsigned line under the name of another instance."""
    scribe = Scribe(owner.instance)
    scribe.calls(2)
    scribe.checkpoint()
    scribe.instance = NAMES[1]
    scribe.add(lifecycle("start"))
    return scribe.lines


@pytest.mark.parametrize(
    ("ring", "lacks"),
    [(RING, "checkpoint that an accepted key signed"), (None, "log that begins with it")],
    ids=["keys", "no keys"],
)
def test_a_line_in_the_name_of_an_instance_does_not_make_it_present(ring, lacks):
    found = audit.verify_stream(strangers_line(FLEET[0]), expected=NAMES[:2], keys=ring)
    assert (found.is_valid, found.missing) == (False, (NAMES[1],))
    assert found.problems == (f"Instance pod-2:8080 has no {lacks} in this stream.",)


def test_a_log_in_the_name_of_an_instance_that_no_accepted_key_signed_does_not_make_it_present():
    forged = Scribe(NAMES[1], key=STRANGERS_KEY)
    forged.calls(1)
    forged.checkpoint()
    found = verified([*FLEET[0].lines, *forged.lines], *NAMES[:2])
    assert found.missing == (NAMES[1],)


def test_an_expected_instance_may_be_named_without_its_port():
    assert verified(ALL, "pod-1", "pod-2", "pod-3").is_valid
    assert verified(ALL, "pod-1", "pod-4").missing == ("pod-4",)


def test_an_instance_that_was_removed_is_found_by_its_anchors():
    notes = "\n".join(as_ops(scribe) for scribe in FLEET)
    kept = [raw for scribe in FLEET[:2] for raw in scribe.lines]
    found = verified(kept, anchors=notes)
    assert found.problems == (
        "gladly-mcp-sidecar/audit/pod-3:8080 was anchored 3 times and has no line in this stream.",
    )
    whole = verified(ALL, anchors=notes)
    assert whole.is_valid
    assert [one.anchored_upto for _, one in whole.chains] == [20, 20, 20]


def as_ops(scribe: Scribe) -> str:
    """The operational log of an instance, as it tells its anchors."""
    notes = [json.loads(raw)["data"]["note"] for raw in scribe.lines if b'"note"' in raw]
    lines = [{"event": "opened"}, *({"event": "audit anchor", "note": note} for note in notes)]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def test_a_cut_tail_of_one_instance_is_found_by_its_anchors():
    notes = "\n".join(as_ops(scribe) for scribe in FLEET)
    kept = [*FLEET[0].lines, *FLEET[1].lines[:12], *FLEET[2].lines]
    assert verified(kept, *NAMES).is_valid
    found = verified(kept, *NAMES, anchors=notes)
    assert not found.is_valid
    assert [one.is_valid for _, one in found.chains] == [True, False, True]


@given(order=st.randoms(use_true_random=False), twice=st.lists(st.sampled_from(ALL), max_size=20))
def test_order_and_repetition_change_nothing(order, twice):
    mixed = [*ALL, *twice]
    order.shuffle(mixed)
    found = verified(mixed, *NAMES)
    assert (found.is_valid, found.repeated) == (True, len(twice))
    assert [one.events for _, one in found.chains] == [21, 21, 21]


@given(gone=st.integers(0, len(ALL) - 2))
def test_any_line_that_is_missing_within_is_found(gone):
    if ALL[gone] in {scribe.lines[-1] for scribe in FLEET}:
        return  # the last of an instance: a cut tail, see the anchors
    found = verified(ALL[:gone] + ALL[gone + 1 :])
    assert not found.is_valid
    (bad,) = [one for _, one in found.chains if not one.is_valid]
    assert len(bad.gaps) == 1


def test_a_changed_line_is_found_and_the_stream_line_is_named():
    changed = [*ALL[:5], ALL[5].replace(b'"http":200', b'"http":500'), *ALL[6:]]
    found = verified([as_shipped(raw) for raw in changed])
    assert not found.is_valid
    assert found.problems == (
        "Line 6: it holds record 6 of pod-1:8080, changed after it was written.",
    )


def test_a_line_that_a_collector_took_apart_is_told_as_changed():
    """The line as an object instead of a string: its bytes are gone, so nothing can be proved."""
    found = verified([json.dumps(json.loads(ALL[0]), sort_keys=True).encode() + b"\n", *ALL[1:]])
    assert not found.is_valid
    assert "record 1 of pod-1:8080, changed" in found.problems[0]


def test_a_record_that_was_sealed_anew_beside_the_true_one_is_a_second_history():
    found = verified([*ALL, edited(FLEET[1].lines[8])])
    assert not found.is_valid
    assert found.problems == (
        "Instance pod-2:8080 tells two histories: from record 9 on they differ.",
    )


def test_a_rewritten_instance_is_found_by_its_signatures():
    first = FLEET[0].lines
    rewritten = resealed([*first[:4], edited(first[4]), *first[5:]])
    found = verified([*rewritten, *FLEET[1].lines, *FLEET[2].lines], *NAMES)
    assert [one.is_valid for _, one in found.chains] == [False, True, True]
    forged = Scribe(key=STRANGERS_KEY)
    forged.calls(3)
    forged.checkpoint()
    assert not verified([*forged.lines, *FLEET[1].lines]).is_valid


def test_an_instance_that_began_anew_has_two_logs_and_each_its_anchors():
    again = Scribe("pod-1:8080")
    again.now = FLEET[0].now
    again.add(lifecycle("start"))
    again.checkpoint()
    notes = as_ops(FLEET[0]) + "\n" + as_ops(again)
    found = verified([*again.lines, *FLEET[0].lines], anchors=notes)
    assert found.problems == ()
    assert found.is_valid
    assert sorted(one.anchored_upto for _, one in found.chains) == [1, 20]


def test_a_log_that_another_instance_goes_on_with_is_one_chain():
    scribe = Scribe("pod-1:8080")
    scribe.calls(2)
    scribe.checkpoint()
    scribe.instance = "pod-1:9000"
    scribe.calls(2)
    scribe.checkpoint()
    found = verified(scribe.lines, "pod-1:8080", "pod-1:9000")
    assert found.is_valid
    assert [one.instances for _, one in found.chains] == [("pod-1:8080", "pod-1:9000")]


def test_other_lines_are_counted_and_passed_over():
    noise = [b"plain text\n", b'{"event": "opened"}\n', b"\n", b"{\n", b"\xff{\xfe\n", b'{"v":1}\n']
    found = verified([*noise, *(as_shipped(raw) for raw in ALL)])
    assert (found.is_valid, found.others) == (True, len(noise))


@pytest.mark.parametrize("stream", [[], [b"\n"], [b"nothing of ours\n"]])
def test_a_stream_without_a_line_of_ours_is_not_valid(stream):
    found = verified(stream)
    assert (found.is_valid, found.problems) == (
        False,
        ("This stream holds no line of an audit log.",),
    )


def test_a_log_without_its_head_is_not_valid_even_if_an_anchor_knows_the_record_before():
    lines = FLEET[0].lines
    before = Tip(5, hash_of(lines[4]))
    for anchors in (None, str(before)):
        found = verified(lines[5:], anchors=anchors)
        assert [one.gaps for _, one in found.chains] == [((1, 5),)]
        assert not found.is_valid


def test_intents_without_outcome_are_listed_for_each_instance():
    scribe = Scribe()
    lost, ended = intent(), intent()
    for event in (lost, ended, outcome(ended.id)):
        scribe.add(event)
    found = audit.verify_stream(scribe.lines)
    assert [one.open_intents for _, one in found.chains] == [(lost.id,)]


@given(stream=st.lists(st.binary(max_size=60), max_size=6))
def test_no_stream_makes_a_reader_fail(stream):
    assert not verified(stream).is_valid


@given(depth=st.integers(0, 200))
def test_deep_wrapping_is_looked_into_within_bounds(depth):
    value = json.dumps("x")
    for _ in range(depth):
        value = f'{{"a":[{value}]}}'
    assert not verified([value.encode() + b"\n"]).is_valid


@pytest.mark.parametrize("anchors", ["", "x", "{}", "5:abc"])
def test_malformed_anchors_are_refused(anchors):
    with pytest.raises(ConfigError, match="seq:hash"):
        verified(ALL, anchors=anchors)


def test_a_file_is_told_to_be_a_stream_by_its_first_line():
    assert audit.is_stream([as_shipped(ALL[0])])
    assert audit.is_stream([as_docker(ALL[0])])
    assert audit.is_stream([b"listening\n", *as_cri(ALL[0])])
    assert not audit.is_stream([ALL[0]])
    assert not audit.is_stream([b"junk\n"])
    assert not audit.is_stream([b""])
    assert not audit.is_stream([])


def test_a_file_in_which_a_log_follows_another_is_a_stream_and_a_damaged_log_is_none():
    one, two = FLEET[0].lines, FLEET[1].lines
    again = Scribe("pod-1:8080")
    again.calls(2)
    for lines in ([*one, *two], [*one[5:], *two[3:]], [*again.lines, *one], [*one, again.lines[0]]):
        assert audit.is_stream(lines)
    renamed = [*one[:4], edited(one[4]), *one[5:]]
    for lines in (one, one[3:], renamed, one[:5] + one[9:], one[::-1][:-1], [*one[:4], b"{}\n"]):
        assert not audit.is_stream(lines)
