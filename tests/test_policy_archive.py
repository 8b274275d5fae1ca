"""A `bundle.tar.gz` counts as what lies in it, and one that is hostile or doubtful is refused."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest
import tools
from engine_parts import put
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import ConfigError
from sidecar.policy import archive, load, read
from sidecar.policy.archive import Archive, members
from sidecar.settings import shipped

RULE = """package site.rules.access.hours

deny contains {"tool": "*", "code": "a.hours", "message": "No.", "remedy": "Wait."} if {
	input.caller.purpose == "night"
}
"""
FILES = {"site/hours.rego": RULE, "site/config/data.yaml": "bulk_roles: [lead]\n"}
PLACE = Path("bundle.tar.gz")


def info(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


def tar(*inside: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive of these members, not compressed."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=form) as writer:
        for member, content in inside:
            writer.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def packed(files: dict[str, str], *more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive of these files, and of more members."""
    plain = [(info(name, len(text.encode())), text.encode()) for name, text in files.items()]
    return gzip.compress(tar(*plain, *more))


def told(raw: bytes) -> str:
    """Why an archive is refused."""
    with pytest.raises(ConfigError) as caught:
        members(Archive(PLACE, raw))
    (problem,) = caught.value.problems
    assert problem.where.startswith(str(PLACE))
    return str(problem)


def test_an_archive_in_a_folder_counts_as_if_its_members_lay_there(tmp_path):
    loose = load(shipped("policies"), put(tmp_path / "loose", FILES))
    site = put(tmp_path / "packed", {archive.NAME: packed(FILES)})
    tight = load(shipped("policies"), site)
    assert tight.sha256 == loose.sha256
    assert [rule.name for rule in tight.site_rules] == ["access.hours"]
    assert tight.site_rules[0].file == f"{site}/bundle.tar.gz/site/hours.rego"


def test_an_archive_and_files_beside_it_are_one_policy(tmp_path):
    rule, data = FILES.items()
    both = put(tmp_path / "both", dict([data]) | {archive.NAME: packed(dict([rule]))})
    assert read([both]).sha256 == read([put(tmp_path / "loose", FILES)]).sha256


def test_an_archive_and_a_file_that_give_the_same_data_are_a_problem(tmp_path):
    site = put(tmp_path, {"site/config/data.yaml": "bulk_roles: []", archive.NAME: packed(FILES)})
    with pytest.raises(ConfigError, match="'bulk_roles' is given by another file already"):
        load(shipped("policies"), site)


def test_a_problem_in_an_archive_has_its_file_and_line(tmp_path):
    site = put(tmp_path, {archive.NAME: packed({"x.rego": RULE.replace("deny", "denny")})})
    with pytest.raises(ConfigError) as caught:
        load(shipped("policies"), site)
    assert caught.value.problems[0].where == f"{site}/bundle.tar.gz/x.rego:3"


def test_an_archive_is_read_in_the_place_of_a_folder():
    made = load(shipped("policies"), Archive(PLACE, packed(FILES)))
    assert made.data["site"] == {"config": {"bulk_roles": ["lead"]}}
    with pytest.raises(ConfigError, match="no rule and no data is read"):
        load(shipped("policies"), Archive(PLACE, packed({".manifest": "{}"})))


def test_tests_and_the_manifest_are_left_out_and_folders_are_no_members():
    raw = packed(FILES | {"site/hours_test.rego": "x", ".manifest": "{}"})
    with_folders = packed(
        FILES, (info("./", kind=tarfile.DIRTYPE), b""), (info("site/", kind=tarfile.DIRTYPE), b"")
    )
    plain = members(Archive(PLACE, packed(FILES)))
    assert members(Archive(PLACE, raw)) == members(Archive(PLACE, with_folders)) == plain


def extended(header: bytes) -> bytes:
    """An archive with one extended header before its file."""
    return packed({}, (info("x", len(header), b"x"), header), (info("a.rego"), b""))


BIG = "#" * 9_000_000
HOSTILE = {
    "no gzip": (b"PK\x03\x04", "is no gzip"),
    "nothing": (b"", "breaks off"),
    "half": (packed(FILES)[:-20], "breaks off"),
    "a damaged one": (packed(FILES)[:-8] + b"\0" * 8, "is no gzip"),
    "two gzips": (packed(FILES) * 2, "goes on behind its end"),
    "no tar": (gzip.compress(b"package site\n" * 100), "is no tar"),
    "an empty gzip": (gzip.compress(b""), "breaks off"),
    "half a tar": (gzip.compress(tar((info("a.rego", 4), b"abcd"))[:514]), "breaks off"),
    "no end": (gzip.compress(tar((info("a.rego", 4), b"abcd"))[:1024]), "breaks off"),
    "a tar behind a tar": (gzip.compress(tar() + tar((info("a.rego"), b""))), "behind its end"),
    "an endless extended header": (extended(b"1" * 8_000_000), "too large"),
    "another size": (extended(b"9 size=0\n"), "says more than"),
    "an odd extended header": (extended(b"99 path=a"), "is damaged"),
    "a bomb": (gzip.compress(b"\0" * 40_000_000), "when unpacked"),
    "large files": (packed({"a.rego": BIG, "b.rego": BIG}), "when unpacked"),
    "too large": (b"\x1f\x8b" + bytes(archive.MAX_BYTES), "exceeds"),
    "many": (packed({f"{n}.rego": "" for n in range(2001)}), "more than 2000 members"),
    "up": (packed({"site/../../x.rego": ""}), "no plain path"),
    "absolute twice": (packed({"//etc/x.rego": ""}), "no plain path"),
    "deep": (packed({"a/" * 33 + "x.rego": ""}), "no plain path"),
    "backslash": (packed({"a\\x.rego": ""}), "no plain path"),
    "line break": (packed({"a\nx.rego": ""}), "no plain path"),
    "no name": (packed({}, (info(""), b"")), "no plain path"),
    "twice": (packed({"a.rego": ""}, (info("a.rego"), b"")), "is in it twice"),
    "twice by a dot": (packed({"a.rego": ""}, (info("./a.rego"), b"")), "is in it twice"),
    "wasm": (packed({"policy.wasm": ""}), "nothing would read it"),
    "signatures": (packed({".signatures.json": "{}"}), "nothing would read it"),
    "other data": (packed({"site/values.yaml": ""}), "nothing would read it"),
    "hidden": (packed({"._x.rego": ""}), "nothing would read it"),
    "nested": (packed({"bundle.tar.gz": ""}), "nothing would read it"),
    "symlink": (packed({}, (info("x.rego", 0, tarfile.SYMTYPE, "/etc/passwd"), b"")), "is no file"),
    "hard link": (packed({}, (info("x.rego", 0, tarfile.LNKTYPE, "a.rego"), b"")), "is no file"),
    "device": (packed({}, (info("x.rego", kind=tarfile.CHRTYPE), b"")), "is no file"),
    "pipe": (packed({}, (info("x.rego", kind=tarfile.FIFOTYPE), b"")), "is no file"),
    "no UTF-8": (packed({}, (info("x.rego", 1), b"\xff")), "no UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_or_doubtful_archive_is_refused(what):
    raw, why = HOSTILE[what]
    assert why in told(raw)


def test_a_sparse_member_which_would_grow_beyond_what_was_read_is_refused():
    """Its header says that it is large, and nearly all of it is a hole."""
    head = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(10**12), "GNU.sparse.name": "x.rego"}
    member = info("x.rego", 1)
    member.pax_headers = head
    raw = gzip.compress(tar((member, b"x"), form=tarfile.PAX_FORMAT))
    assert "says more than names and times" in told(raw)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_usual_form_of_tar_is_read_with_long_names_and_fine_times(form):
    name = "site/" + "b" * 60 + "/" + "c" * 60 + "/\u00fc.rego"
    member = info(name, len(RULE))
    member.mtime = 1.5 if form == tarfile.PAX_FORMAT else 1
    raw = gzip.compress(tar((member, RULE.encode()), form=form))
    assert members(Archive(PLACE, raw)) == [(PurePosixPath(name), RULE)]


@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_any_damage_is_a_problem_or_the_same_names_and_never_another_error(at, byte):
    whole = bytearray(gzip.decompress(packed(FILES)))
    whole[at % len(whole)] = byte
    try:
        found = members(Archive(PLACE, gzip.compress(bytes(whole))))
    except ConfigError:
        return
    assert all(path.suffix in {".rego", ".yaml"} for path, _ in found)


def whole_bundle(folder: Path) -> bytes:
    """What stock OPA makes of a folder with library and site."""
    target = folder.parent / "whole.tar.gz"
    words = ["build", "--bundle", str(folder), "--ignore", "*_test.rego", "--output", str(target)]
    subprocess.run([tools.require("opa"), *words], check=True, capture_output=True, timeout=60)
    return target.read_bytes()


@pytest.mark.thorough
def test_of_a_whole_bundle_as_opa_builds_it_the_site_part_counts(tmp_path):
    shutil.copytree(shipped("policies"), tmp_path / "whole")
    raw = whole_bundle(put(tmp_path / "whole", FILES))
    made = load(shipped("policies"), Archive(PLACE, raw))
    loose = load(shipped("policies"), put(tmp_path / "site", FILES))
    assert (made.sha256, len(made.site_rules)) == (loose.sha256, 1)


@pytest.mark.thorough
def test_a_whole_bundle_of_another_library_is_refused_with_words(tmp_path):
    shutil.copytree(shipped("policies"), tmp_path / "old")
    put(tmp_path / "old", FILES)
    file = tmp_path / "old" / "sidecar" / "rules" / "access" / "exits" / "exits.rego"
    file.write_text(file.read_text().replace("remedy", "cure", 1))
    raw = whole_bundle(tmp_path / "old")
    with pytest.raises(ConfigError, match="not this release's: modules that differ: 1"):
        load(shipped("policies"), Archive(PLACE, raw))


def test_a_part_of_the_library_is_refused_and_so_is_its_data_when_it_differs(tmp_path):
    main = (shipped("policies") / "sidecar" / "main" / "main.rego").read_text()
    with pytest.raises(ConfigError, match="a part of the library"):
        load(shipped("policies"), Archive(PLACE, packed(FILES | {"main.rego": main})))
    library = {
        str(path.relative_to(shipped("policies"))): path.read_text()
        for path in shipped("policies").rglob("*.rego")
        if not path.name.endswith("_test.rego")
    }
    same = packed(FILES | library)
    assert load(shipped("policies"), Archive(PLACE, same)).site_rules
    other = packed(FILES | library | {"sidecar/config/data.yaml": "bulk_roles: [everybody]\n"})
    with pytest.raises(ConfigError, match="is given by another file already"):
        load(shipped("policies"), Archive(PLACE, other))
