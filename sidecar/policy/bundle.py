"""Folders to Bundle: Rego modules and the data beside them, read once and frozen."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sidecar.errors import ConfigError, Problem
from sidecar.policy import data as read_data

_OF_SITE = re.compile(r"^package\s+site\b", re.MULTILINE)
_DATA_NAMES = ("data.yaml", "data.yml", "data.json")


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

    `site_rules` and `mentions` are known once the site's folder was checked (`load`).
    """

    modules: tuple[tuple[str, str], ...]
    data: Mapping[str, Any]
    sha256: str
    files: tuple[DataFile, ...] = ()
    site_rules: tuple[SiteRule, ...] = ()
    mentions: tuple[Mention, ...] = ()

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


def read(folders: Sequence[Path]) -> Bundle:
    """Read every `.rego` file that is not a test, and every data file, of the given folders.

    A data file is rooted at its folder's path, as in an OPA bundle; one that lies at the top of a
    folder is rooted at `data` itself. Modules are known by their package, so their names and
    places are free. Entries that begin with a dot are skipped, since a mounted ConfigMap keeps its
    generations there; links are followed, since it links each file into the newest.

    Raises:
        ConfigError: unreadable or malformed files, all of them; two files giving the same data.
    """
    problems: list[Problem] = []
    modules: list[tuple[str, str]] = []
    data: dict[str, Any] = {}
    files: list[DataFile] = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(Problem(str(folder), "no such folder of policies"))
            continue
        for path in _files(folder, set()):
            text = _text(path, problems)
            if text is None:
                continue
            if path.suffix == ".rego":
                modules.append((str(path), text))
            else:
                root = path.parent.relative_to(folder).parts
                value = _rooted(root, read_data.parse(path, text, problems))
                files.append(DataFile(path, root, text, deepcopy(value)))
                _merge(data, value, path, problems)
    if not problems and not modules:
        problems.append(Problem(", ".join(map(str, folders)), "no Rego module found"))
    if problems:
        raise ConfigError(problems)
    return Bundle(tuple(modules), data, digest([text for _, text in modules], data), tuple(files))


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
        elif path.name in _DATA_NAMES or _is_rule(path):
            yield path


def _is_rule(path: Path) -> bool:
    return path.suffix == ".rego" and not path.name.endswith("_test.rego")


def _text(path: Path, problems: list[Problem]) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), f"cannot be read: {type(error).__name__}"))
        return None


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
