"""Folders and archives to Bundle: Rego modules and the data beside them, read once and frozen."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sidecar.errors import ConfigError, Problem
from sidecar.policy import archive
from sidecar.policy import data as read_data
from sidecar.policy.archive import Archive

_OF_SITE = re.compile(r"^package\s+site\b", re.MULTILINE)
_READ_NAMES = (archive.NAME, *archive.DATA_NAMES)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file: where it lies, where its content is rooted, and what it gives."""

    path: Path
    root: tuple[str, ...]
    text: str
    value: Mapping[str, Any]

    def at(self, *keys: str) -> str:
        """File and line of a value, named by its keys from `data` on."""
        return f"{self.path}:{read_data.line(self.text, keys[len(self.root) :])}"


@dataclass(frozen=True, slots=True)
class SiteRule:
    """A rule of the operator's: `access.no_agents`, the sets it gives, and where it stands."""

    name: str
    gives: tuple[str, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a rule of the operator's that only a catalog can judge, with file and line."""

    kind: Literal["tool", "argument", "tag"]
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything an engine is loaded with. `sha256` covers module texts and data, not paths.

    `site_rules` and `mentions` are known once the site's folder was checked (`load`), and what is
    `slow` once it was timed.
    """

    modules: tuple[tuple[str, str], ...]
    data: Mapping[str, Any]
    sha256: str
    files: tuple[DataFile, ...] = ()
    site_rules: tuple[SiteRule, ...] = ()
    mentions: tuple[Mention, ...] = ()
    slow: tuple[Problem, ...] = ()

    def names(self, action: str) -> bool:
        """Whether the configured masks, or a module of the site, name an action."""
        config = self.data.get("sidecar", {}).get("config", {})
        ours = self.data.get("site", {}).get("config", {})
        rows = ours.get("caller_masks", [])
        masks = [config.get("masks", {}) | ours.get("masks", {}), *(row["masks"] for row in rows)]
        modules = (text for _, text in self.modules if _OF_SITE.search(text))
        return any(action in each.values() for each in masks) or any(
            f'"{action}"' in text for text in modules
        )


def read(folders: Sequence[Path | Archive]) -> Bundle:
    """Read every `.rego` file that is not a test, and every data file, of the given folders.

    A data file is rooted at its folder's path, as in an OPA bundle; one that lies at the top of a
    folder is rooted at `data` itself. Modules are known by their package, so their names and
    places are free. Entries that begin with a dot are skipped, since a mounted ConfigMap keeps its
    generations there; links are followed, since it links each file into the newest.

    A `bundle.tar.gz` counts as if what it holds lay in its place, and so does an archive that is
    given like a folder. One that repeats the folders before it (a whole bundle, as `opa build`
    makes it) gives what it has besides, if it repeats all of their modules, to the byte.

    Raises:
        ConfigError: unreadable or malformed files, all of them; two files giving the same data.
    """
    reading = _Reading()
    for folder in folders:
        if isinstance(folder, Archive):
            reading.archive(folder, ())
        elif folder.is_dir():
            reading.folder(folder)
        else:
            reading.problems.append(Problem(str(folder), "no such folder of policies"))
    if not reading.problems and not reading.modules:
        places = ", ".join(str(getattr(f, "place", f)) for f in folders)
        reading.problems.append(Problem(places, "no Rego module found"))
    if reading.problems:
        raise ConfigError(reading.problems)
    modules, data = tuple(reading.modules), reading.data
    sha256 = digest([text for _, text in modules], data)
    return Bundle(modules, data, sha256, tuple(reading.files))


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.modules: list[tuple[str, str]] = []
        self.data: dict[str, Any] = {}
        self.files: list[DataFile] = []

    def folder(self, folder: Path) -> None:
        """Read what lies in a folder and below it."""
        for path in _files(folder, set()):
            root = path.parent.relative_to(folder).parts
            if path.name == archive.NAME:
                with _told(path, self.problems), path.open("rb") as file:
                    self.archive(Archive(path, file.read(archive.MAX_BYTES + 1)), root)
                continue
            with _told(path, self.problems):
                self._take(path, root, path.read_text("utf-8"))

    def archive(self, packed: Archive, root: tuple[str, ...]) -> None:
        """Read what is in an archive that lies at a root, without what was read before it."""
        try:
            members = archive.members(packed)
        except ConfigError as error:
            self.problems += error.problems
            return
        before = Counter(text for _, text in self.modules)
        rules = Counter(text for path, text in members if path.suffix == ".rego")
        library = Counter({t: n for t, n in rules.items() if not _OF_SITE.search(t)})
        if before and library and library != before:
            self.problems.append(_other_library(packed.place, library, before))
            return
        known = dict(self.data) if before and library else {}
        for path, text in members:
            if not (before and text in library):
                self._take(packed.place / path, (*root, *path.parent.parts), text, known)

    def _take(
        self, path: Path, root: tuple[str, ...], text: str, known: Mapping[str, Any] = _NOTHING
    ) -> None:
        """Take a module, or what a data file gives besides what is known already."""
        if path.suffix == ".rego":
            self.modules.append((str(path), text))
            return
        value = _rooted(root, read_data.parse(path, text, self.problems))
        value = {k: v for k, v in value.items() if k not in known or v != known[k]}
        self.files.append(DataFile(path, root, text, deepcopy(value)))
        _merge(self.data, value, path, self.problems)


def _other_library(place: Path, library: Counter[str], before: Counter[str]) -> Problem:
    count = (library - before).total()
    what = (
        f"its library is not this release's: modules that differ: {count}"
        if count
        else "it holds a part of the library, and not all of it"
    )
    return Problem(str(place), what, "pack your site packages alone, or build with this library")


def _files(folder: Path, entered: set[Path]) -> Iterator[Path]:
    """The files of a folder and those below it, each folder once, links followed."""
    real = folder.resolve()
    if real in entered:
        return
    entered.add(real)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files(path, entered)
        elif path.name in _READ_NAMES or _is_rule(path):
            yield path


def _is_rule(path: Path) -> bool:
    return path.suffix == ".rego" and not path.name.endswith("_test.rego")


@contextmanager
def _told(path: Path, problems: list[Problem]) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), f"cannot be read: {type(error).__name__}"))


def _rooted(parts: Sequence[str], value: Any) -> dict[str, Any]:
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(
    into: dict[str, Any], value: dict[str, Any], path: Path, problems: list[Problem]
) -> None:
    for key, item in value.items():
        if isinstance(into.get(key), dict) and isinstance(item, dict):
            _merge(into[key], item, path, problems)
        elif key in into:
            problems.append(Problem(f"{path}:1", f"data {key!r} is given by another file already"))
        else:
            into[key] = item


def digest(texts: Iterable[str], data: Mapping[str, Any]) -> str:
    """The digest of module texts and data, in whatever order they are given."""
    whole = hashlib.sha256()
    for text in sorted(texts):
        whole.update(hashlib.sha256(text.encode()).digest())
    whole.update(json.dumps(data, sort_keys=True).encode())
    return whole.hexdigest()
