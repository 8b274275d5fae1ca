"""The table of ways to tamper, against the chain alone, with checkpoints, and with an anchor.

Every row is tried in every column, and found or missed exactly as the table says: what is missed
is a promise too, since nobody must believe that it would be found.

Over 300 lines: the table and what stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sealed import KEY, STRANGERS_KEY, Scribe, edited, lifecycle, public, resealed, whole
from test_audit_event import intent

from sidecar import audit
from sidecar.audit.chain import Tip, hash_of, parse

Lines = list[bytes]

KNOWN = 10
"""A record that an anchor knows, besides the last."""


def tip_at(lines: Lines, number: int) -> Tip:
    return Tip(number, hash_of(lines[number - 1]))


def edit(lines: Lines) -> Lines:
    return [*lines[:3], lines[3].replace(b'"http":200', b'"http":500'), *lines[4:]]


def edit_and_reseal(lines: Lines) -> Lines:
    return [*lines[:4], edited(lines[4]), *lines[5:]]


def delete(lines: Lines) -> Lines:
    return lines[:6] + lines[7:]


def swap(lines: Lines) -> Lines:
    return [*lines[:6], lines[7], lines[6], *lines[8:]]


def duplicate(lines: Lines) -> Lines:
    return [*lines[:6], lines[5], *lines[6:]]


def rechain(lines: Lines) -> Lines:
    """Edit one record and seal all after it anew; the notes stay as they are."""
    return resealed([*lines[:4], edited(lines[4]), *lines[5:]])


def rechain_without_checkpoints(lines: Lines) -> Lines:
    return resealed(raw for raw in rechain(lines) if b'"checkpoint"' not in raw)


def forge(lines: Lines) -> Lines:
    """Write another log of the same instance, and sign it with a key of one's own."""
    scribe = Scribe(key=STRANGERS_KEY)
    scribe.calls(15)
    scribe.checkpoint()
    return scribe.lines


def cut(lines: Lines) -> Lines:
    """Cut the tail with its checkpoints, right behind an older one."""
    return lines[:22] if b'"checkpoint"' in lines[10] else lines[:20]


def cut_between(lines: Lines) -> Lines:
    return lines[:17]


def rewrite_the_tail(lines: Lines) -> Lines:
    """Keep what the second checkpoint signed, write another history after it, sign nothing."""
    kept = cut(lines)
    begin = tip_at(kept, len(kept))
    return [*kept, *resealed([edited(raw) for raw in lines[len(kept) + 1 :]], begin)]


def cut_the_head(lines: Lines) -> Lines:
    return lines[5:]


def cut_the_head_at_an_anchored_record(lines: Lines) -> Lines:
    return lines[KNOWN:]


TABLE: list[tuple[Callable[[Lines], Lines], str]] = [
    (edit, "found found found"),
    (edit_and_reseal, "found found found"),
    (delete, "found found found"),
    (swap, "found found found"),
    (duplicate, "found found found"),
    (rechain, "missed found found"),
    (rechain_without_checkpoints, "missed found found"),
    (forge, "missed found found"),
    (cut, "missed missed found"),
    (cut_between, "missed missed found"),
    (rewrite_the_tail, "missed missed found"),
    (cut_the_head, "found found found"),
    (cut_the_head_at_an_anchored_record, "found found found"),
]
CASES = [
    pytest.param(attack, column, outcome, id=f"{attack.__name__}-{column}")
    for attack, outcomes in TABLE
    for column, outcome in zip(("chain", "checkpoints", "anchor"), outcomes.split(), strict=True)
]


def verified(tmp_path: Path, lines: Lines, column: str, anchor: str | None) -> audit.Verification:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(lines))
    keys = [] if column == "chain" else [public(tmp_path, KEY)]
    return audit.verify(path, anchor if column == "anchor" else None, keys=keys)


@pytest.mark.parametrize(("attack", "column", "outcome"), CASES)
def test_invariant_9_each_row_of_the_tamper_table_is_as_the_table_says(
    tmp_path, attack, column, outcome
):
    scribe = whole(is_signed=column != "chain")
    anchor = None
    if column == "anchor":
        note = parse(scribe.lines[KNOWN])
        assert note
        assert note["data"]["what"] == "checkpoint"
        anchor = f"{note['data']['note']}\n{scribe.checkpoint()}"
    before = verified(tmp_path, scribe.lines, column, anchor)
    assert before.is_valid, before.problems
    after = verified(tmp_path, attack(scribe.lines), column, anchor)
    assert ("missed" if after.is_valid else "found") == outcome, after.problems


def test_what_is_missed_is_said_to_be_uncovered(tmp_path):
    found = verified(tmp_path, rewrite_the_tail(whole().lines), "checkpoints", None)
    assert found.is_valid
    assert found.signed_upto == 21
    told = " ".join(found.trust)
    assert "Up to record 21, signed 2026-11-22T12:00:21.000000Z" in told
    assert "covered by neither a signature nor an anchor" in told
    assert "could have cut off its end" in told


def test_an_anchor_says_up_to_where_it_vouches(tmp_path):
    scribe = whole()
    note = scribe.checkpoint()
    scribe.calls(2)
    found = verified(tmp_path, scribe.lines, "anchor", note)
    assert (found.is_valid, found.anchored_upto, found.signed_upto) == (True, 35, 35)
    assert "Up to record 35 nobody changed" in " ".join(found.trust)
    assert "the anchor was taken at 2026-11-22T12:00:35.000000Z" in " ".join(found.trust)
    assert "Records 36 to 40 are covered by neither" in " ".join(found.trust)


@pytest.mark.parametrize(
    ("anchor", "said"),
    [(False, "No anchor was compared"), (True, "No anchor that was given vouches for a record")],
)
def test_of_a_log_that_was_changed_nobody_is_said_to_have_changed_nothing(tmp_path, anchor, said):
    scribe = whole()
    note = str(tip_at(scribe.lines, 21)) if anchor else None
    (tmp_path / "audit.jsonl").write_bytes(b"".join(edit(scribe.lines)))
    found = audit.verify(tmp_path, note, keys=[public(tmp_path, KEY)])
    told = " ".join(found.trust)
    assert (found.state, found.signed_upto, found.anchored_upto) == ("broken", 0, 0)
    assert said in told
    assert "nobody changed" not in told
    assert "only somebody with the signing key" not in told
    assert "From record 4 on nothing vouches for this log." in told


def test_what_was_signed_before_the_first_bad_record_still_holds(tmp_path):
    lines = whole().lines
    lines[18] = lines[18].replace(b'"http":200', b'"http":500')
    found = verified(tmp_path, lines, "checkpoints", None)
    told = " ".join(found.trust)
    assert (found.state, found.signed_upto) == ("broken", 10)
    assert "Up to record 10, signed" in told
    assert "Records 11 to 18 are held by the chain alone, which whoever" in told
    assert "From record 19 on nothing vouches for this log." in told


def test_an_anchor_that_does_not_fit_is_said_to_have_been_compared(tmp_path):
    scribe = whole()
    for odd in (f"21:{'0' * 64}", f"99:{'0' * 64}"):
        (tmp_path / "audit.jsonl").write_bytes(b"".join(scribe.lines))
        told = " ".join(audit.verify(tmp_path, odd).trust)
        assert "An anchor was compared and does not fit: see the problems." in told
        assert "No anchor was compared" not in told
        assert "nobody changed" not in told
    assert "Nothing vouches for this log." in told


@pytest.mark.parametrize(
    ("anchored", "given", "said", "state"),
    [
        (
            False,
            False,
            "Yes: whoever could write to its folder, without a trace (no anchor;",
            "open",
        ),
        (False, True, "Only somebody with the signing key, up to record 35 of 2026-", "holds"),
        (True, True, "No, up to record 35 of 2026-11-22T12:00:35.000000Z, as far as", "holds"),
    ],
)
def test_whether_it_could_be_changed_is_answered_first(tmp_path, anchored, given, said, state):
    scribe = whole()
    note = scribe.checkpoint()
    (tmp_path / "audit.jsonl").write_bytes(b"".join(scribe.lines))
    keys = [public(tmp_path, KEY, name="accepted.pem" if given else "audit.pub")]
    found = audit.verify(tmp_path, note if anchored else None, keys=keys if given else [])
    assert found.trust[0].startswith(said)
    assert found.state == state
    assert "Record 36, the last checkpoint itself, is signed by nothing after it." in found.trust


def test_a_replayed_checkpoint_is_found(tmp_path):
    scribe = whole()
    old = parse(scribe.lines[10])
    assert old
    scribe.add(lifecycle("checkpoint", note=old["data"]["note"]))
    found = verified(tmp_path, scribe.lines, "checkpoints", None)
    assert found.problems == (
        "Line 36: its checkpoint vouches for another record 10: it was replayed.",
    )


def test_a_checkpoint_of_another_instance_is_found(tmp_path):
    scribe, other = whole(), whole()
    other.instance = "pod-2:8080"
    scribe.add(lifecycle("checkpoint", note=other.checkpoint()))
    found = verified(tmp_path, scribe.lines, "checkpoints", None)
    assert found.problems == ("Line 36: its checkpoint is of another instance's log.",)


@pytest.mark.parametrize("note", [None, "", "x", 7, {"a": 1}])
def test_a_checkpoint_without_a_note_is_found(tmp_path, note):
    scribe = whole()
    scribe.add(lifecycle("checkpoint", note=note))
    found = verified(tmp_path, scribe.lines, "checkpoints", None)
    assert found.problems == ("Line 36: it is a checkpoint without a readable note.",)


def test_a_checkpoint_by_a_strange_key_is_found_among_good_ones(tmp_path):
    scribe = whole()
    scribe.key = STRANGERS_KEY
    scribe.checkpoint()
    found = verified(tmp_path, scribe.lines, "checkpoints", None)
    assert found.first_bad_line == 36
    assert "not signed by an accepted key" in found.problems[0]
    assert audit.verify(
        tmp_path / "audit.jsonl", keys=[public(tmp_path, KEY, STRANGERS_KEY)]
    ).is_valid


def test_checkpoints_that_a_wrong_key_does_not_fit_are_told_in_one_sentence(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(whole().lines))
    said = "are not signed by an accepted key: they were forged, or --key may be the wrong one."
    keys = [public(tmp_path, STRANGERS_KEY)]
    for log, span in ((path, "lines 11 to 33"), (tmp_path, "audit.jsonl lines 11 to 33")):
        found = audit.verify(log, keys=keys)
        assert found.first_bad_line == 11
        assert found.problems[0].startswith(f"3 checkpoints ({span}")
        assert found.problems[0].endswith(said)
        assert [
            sentence for sentence in found.problems[1:] if "No checkpoint" not in sentence
        ] == []


def test_after_a_rotation_of_the_key_both_count_and_both_are_named(tmp_path):
    scribe = whole()
    scribe.key = STRANGERS_KEY
    scribe.checkpoint()
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(scribe.lines))
    files = [public(tmp_path, KEY, name="old"), public(tmp_path, STRANGERS_KEY, name="new")]
    found = audit.verify(path, keys=files)
    assert (found.is_valid, found.checkpoints, len(found.keys)) == (True, 4, 2)


def test_a_log_that_nobody_signed_is_not_valid_where_a_key_is_given(tmp_path):
    found = verified(tmp_path, whole(is_signed=False).lines, "checkpoints", None)
    assert found.problems == (
        "No checkpoint is signed by an accepted key: nobody vouches for the log.",
    )


def test_an_anchor_that_no_accepted_key_signed_is_told(tmp_path):
    scribe = whole()
    forged = Scribe(key=STRANGERS_KEY)
    forged.tip = scribe.tip
    found = verified(tmp_path, scribe.lines, "anchor", forged.checkpoint())
    assert found.problems == ("The anchor of record 35 is not signed by an accepted key.",)


def test_anchors_of_other_instances_prove_nothing_about_this_log(tmp_path):
    other = Scribe("pod-2:8080")
    other.calls(1)
    found = verified(tmp_path, whole().lines, "anchor", other.checkpoint())
    assert not found.is_valid
    assert "No anchor is of this log" in found.problems[0]
    mine = whole()
    both = other.checkpoint() + "\n" + mine.checkpoint()
    assert verified(tmp_path, mine.lines, "anchor", both).is_valid


def test_an_anchor_of_the_record_before_does_not_account_for_a_missing_head(tmp_path):
    scribe = whole()
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(scribe.lines[11:]))
    found = audit.verify(path, str(tip_at(scribe.lines, 11)))
    assert found.problems == ("The first line: its number is 12 where 1 was due: 11 missing.",)
    assert found.gaps == ((1, 11),)


def test_a_key_beside_the_log_is_used_and_said_to_prove_less(tmp_path):
    signer = audit.Signer(tmp_path, "pod-1:8080")
    scribe = Scribe()
    scribe.add(intent())
    scribe.add(lifecycle("checkpoint", note=signer(scribe.tip, scribe.now)))
    (tmp_path / "audit.jsonl").write_bytes(b"".join(scribe.lines))
    found = audit.verify(tmp_path)
    assert (found.is_valid, found.checkpoints, found.is_key_beside_log) == (True, 1, True)
    told = " ".join(found.trust)
    assert "That key lies beside the log" in told
    assert "The public key was found beside the log" in told
    (tmp_path / "audit.key").unlink()
    copy = tmp_path / "elsewhere.pub"
    copy.write_bytes((tmp_path / "audit.pub").read_bytes())
    assert "beside the log" not in " ".join(audit.verify(tmp_path, keys=[copy]).trust)
