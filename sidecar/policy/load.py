"""Folders to a Bundle that was checked: it parses, it runs, and the site's part does something."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from sidecar.errors import ConfigError, Problem
from sidecar.policy import timing
from sidecar.policy.archive import Archive
from sidecar.policy.bundle import Bundle, DataFile, read
from sidecar.policy.checking import lint, references, site, site_data
from sidecar.policy.embedded import Embedded, parsed
from sidecar.policy.shadow import promoted, rule_names
from sidecar.policy.syntax import Module


def load(library: Path, folder: Path | Archive | None = None, *, is_timed: bool = False) -> Bundle:
    """Read the library and a site's folder or archive, and try them.

    What would do nothing, refuse everything or break a decision is refused here, whichever engine
    decides later. So is what `is_timed` and takes far too long; of what is slow the bundle tells.

    Raises:
        ConfigError: every problem, with file and line.
    """
    bundle = read([library, *([folder] if folder else [])])
    folder = folder.place if isinstance(folder, Archive) else folder
    modules, problems = parsed(bundle, folder)
    ours: tuple[Module, ...] = ()
    if folder:
        ours = tuple(m for m in modules if Path(m.file).is_relative_to(folder))
        is_whole = not problems
        problems += _empty(bundle, folder)
        problems += site.problems(ours)
        problems += _references(bundle, library, modules, ours, is_whole=is_whole)
        problems += _data(bundle, folder)
    endless = list(lint.runaway(modules))
    problems += endless
    if not endless:  # a rehearsal of those would end the process
        problems += _rehearsed(bundle, modules, problems)
    slow = timing.slow(bundle) if is_timed and not problems else None
    if slow and slow.is_refused:
        problems.append(slow.problem)
    if problems:
        raise ConfigError(problems)
    named = [m for f in bundle.files if _is_of(f, folder) for m in site_data.mentions(f)]
    mentions = (*site.mentions(ours), *named)
    rules = tuple(site.rules(ours))
    told = (slow.problem,) if slow else ()
    return dataclasses.replace(bundle, site_rules=rules, mentions=mentions, slow=told)


def _empty(bundle: Bundle, folder: Path) -> Iterator[Problem]:
    """A folder of which nothing is read: a mount that failed, or a file with another name."""
    paths = [*(Path(path) for path, _ in bundle.modules), *(file.path for file in bundle.files)]
    if not any(path.is_relative_to(folder) for path in paths):
        inside = folder.iterdir() if folder.is_dir() else ()
        there = sorted(p.name for p in inside if not p.name.startswith("."))
        held = f"it holds {', '.join(there[:3])}" if there else "it is empty"
        what = f"no rule and no data is read from this folder: {held}"
        yield Problem(
            str(folder), what, "name rules *.rego and data data.yaml, or unset the folder"
        )


def _references(
    bundle: Bundle,
    library: Path,
    modules: Iterable[Module],
    ours: Iterable[Module],
    *,
    is_whole: bool,
) -> Iterator[Problem]:
    schema = json.loads((library / "input.schema.json").read_text("utf-8"))
    known = references.names(modules, bundle.data) if is_whole else None
    for module in ours:
        yield from references.problems(module, schema, known)


def _data(bundle: Bundle, folder: Path) -> Iterator[Problem]:
    known, rules = bundle.data.get("sidecar", {}).get("config", {}), rule_names(bundle)
    for file in bundle.files:
        if _is_of(file, folder):
            yield from site_data.problems(file, known, rules)


def _is_of(file: DataFile, folder: Path | None) -> bool:
    return folder is not None and file.path.is_relative_to(folder)


def _rehearsed(bundle: Bundle, modules: Iterable[Module], told: list[Problem]) -> list[Problem]:
    """What shows when it is evaluated, unless it follows from what is told already.

    Rules in shadow are tried beside the others: they are to count one day.
    """
    files = {problem.where.rpartition(":")[0] for problem in told}
    try:
        Embedded(bundle)
        if (shadow := promoted(bundle)) is not None:
            Embedded(shadow)
    except ConfigError as error:
        placed = [_placed(problem, modules) for problem in error.problems]
        return [p for p in placed if not told or _file(p) not in files | {None}]
    return []


def _file(problem: Problem) -> str | None:
    """The file that a problem stands in; None when only the name of a rule is known."""
    return None if problem.where.startswith("data.") else problem.where.rpartition(":")[0]


def _placed(problem: Problem, modules: Iterable[Module]) -> Problem:
    """A problem of a rule, with the file and line of its package when that is certain."""
    if _file(problem) is not None:
        return problem
    found = []
    for module in modules:
        name = ".".join(("data", *module.package))
        if module.package[:2] == ("site", "rules") and (
            f"{name}.".startswith(f"{problem.where}.") or f"{problem.where}.".startswith(f"{name}.")
        ):
            found.append(f"{module.file}:{module.line}")
    return dataclasses.replace(problem, where=found[0]) if len(found) == 1 else problem
