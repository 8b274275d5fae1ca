"""Folders of several segments: one chain, what was pruned with a tombstone, and what was taken."""

from __future__ import annotations

from pathlib import Path

from sealed import KEY, STRANGERS_KEY, Scribe, public, whole

from sidecar import audit


def segments(folder: Path, scribe: Scribe, *ends: int) -> Path:
    """Write a log into a folder, closing a segment behind each of the given lines."""
    folder.mkdir()
    begin = 0
    for end in ends:
        (folder / f"audit.{begin + 1:012d}.jsonl").write_bytes(b"".join(scribe.lines[begin:end]))
        begin = end
    (folder / "audit.jsonl").write_bytes(b"".join(scribe.lines[begin:]))
    return folder


def test_a_folder_is_one_chain_over_its_segments(tmp_path):
    folder = segments(tmp_path / "audit", whole(), 11, 22)
    found = audit.verify(folder, keys=[public(tmp_path, KEY)])
    assert (found.is_valid, found.events, found.checkpoints) == (True, 35, 3)
    closed = audit.verify(folder, found.head, keys=[public(tmp_path, KEY)])
    assert closed.anchored_upto == 35


def test_a_folder_whose_new_file_was_not_yet_made_is_read(tmp_path):
    folder = segments(tmp_path / "audit", whole(), 11, 35)
    (folder / "audit.jsonl").unlink()
    assert audit.verify(folder).events == 35


def test_a_segment_removed_from_the_middle_is_found(tmp_path):
    folder = segments(tmp_path / "audit", whole(), 11, 22)
    (folder / "audit.000000000012.jsonl").unlink()
    found = audit.verify(folder)
    assert found.gaps == ((12, 22),)
    assert found.problems[0].startswith("audit.jsonl line 1: its number is 23 where 12 was due")


def test_a_bad_line_is_named_with_its_file(tmp_path):
    folder = segments(tmp_path / "audit", whole(), 11, 22)
    file = folder / "audit.000000000012.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"http":200', b'"http":500', 1))
    found = audit.verify(folder)
    assert found.first_bad_line == 13
    assert found.problems == (
        "audit.000000000012.jsonl line 2: it was changed after it was written.",
    )


def pruned(tmp_path: Path, is_signed: bool = True) -> Path:
    """A folder whose first segment is gone, with its tombstone."""
    scribe = whole()
    scribe.tombstone(b"".join(scribe.lines[:11]))
    if is_signed:
        scribe.checkpoint()
    folder = segments(tmp_path / "audit", scribe, 11, 22)
    (folder / "audit.000000000001.jsonl").unlink()
    return folder


def test_a_pruned_begin_is_accounted_for_by_its_signed_tombstone(tmp_path):
    found = audit.verify(pruned(tmp_path), keys=[public(tmp_path, KEY)])
    assert (found.is_valid, found.problems, found.gaps) == (True, (), ())
    assert found.pruned == ((1, 11),)


def test_a_begin_that_was_removed_without_a_tombstone_is_found(tmp_path):
    folder = pruned(tmp_path)
    (folder / "audit.000000000012.jsonl").unlink()
    found = audit.verify(folder, keys=[public(tmp_path, KEY)])
    assert found.problems == ("The first line: its number is 23 where 1 was due: 22 missing.",)
    assert found.gaps == ((1, 22),)


def test_a_tombstone_that_nobody_signed_accounts_for_nothing(tmp_path):
    found = audit.verify(pruned(tmp_path, is_signed=False), keys=[public(tmp_path, KEY)])
    assert not found.is_valid
    assert "a tombstone names them, and no checkpoint" in found.problems[0]


def test_a_forged_tombstone_is_found(tmp_path):
    """Somebody removes the begin, names it in a tombstone, and signs that with another key."""
    scribe = whole()
    scribe.key = STRANGERS_KEY
    scribe.tombstone(b"".join(scribe.lines[:22]))
    scribe.checkpoint()
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(scribe.lines[22:]))
    found = audit.verify(path, keys=[public(tmp_path, KEY)])
    assert not found.is_valid
    assert any("not signed by an accepted key" in problem for problem in found.problems)
    assert found.pruned == ()


def test_a_tombstone_of_other_lines_accounts_for_nothing(tmp_path):
    scribe = whole()
    scribe.tombstone(b"".join(scribe.lines[:10]))
    scribe.checkpoint()
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(scribe.lines[11:]))
    found = audit.verify(path, keys=[public(tmp_path, KEY)])
    assert found.problems == ("The first line: its number is 12 where 1 was due: 11 missing.",)
