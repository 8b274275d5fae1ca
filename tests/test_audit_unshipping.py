"""Streams split into logs: whatever an instance calls itself, nothing leaves the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from sealed import Scribe
from test_audit_streams import ALL, FLEET, WRAPPINGS

from sidecar import audit
from sidecar.errors import ConfigError


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_whatever_wraps_them_lines_come_out_as_they_were_written(tmp_path: Path, wrapping: str):
    split = audit.unship(WRAPPINGS[wrapping](ALL[::-1]), tmp_path / "into")
    assert split.is_whole
    for part, scribe in zip(split.parts, FLEET, strict=True):
        assert (part.folder / "audit.jsonl").read_bytes() == b"".join(scribe.lines)
        assert audit.verify(part.folder).is_valid


def test_names_that_are_paths_or_alike_get_folders_of_their_own(tmp_path: Path):
    names = ["../up", "/etc", "..", "", "a:1", "a_1", "A:1", "x" * 500, "a\n\x1b"]
    lines = []
    for name in names:
        scribe = Scribe(name)
        scribe.calls(1)
        lines += scribe.lines
    split = audit.unship(lines, tmp_path / "into")
    folders = {part.folder for part in split.parts}
    assert {folder.parent for folder in folders} == {tmp_path / "into"}
    assert len({folder.name.lower() for folder in folders}) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["into"]


def test_an_instance_that_began_anew_has_two_folders(tmp_path: Path):
    again = Scribe(FLEET[0].instance)
    again.calls(1)
    split = audit.unship([*again.lines, *FLEET[0].lines], tmp_path / "into")
    assert sorted(part.records for part in split.parts) == [2, 21]
    assert all(audit.verify(part.folder).is_valid for part in split.parts)


def test_what_stands_in_the_folders_place_is_left_alone(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ConfigError, match="is no folder"):
        audit.unship(ALL, file)
    assert file.read_text() == "mine"
