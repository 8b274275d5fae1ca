"""Everything that is wrong with a folder of rules, without asking it anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecar.errors import ConfigError, Problem
from sidecar.policy.bundle import Bundle, DataFile, Mention, read
from sidecar.policy.checking import lint, metadata, site, words
from sidecar.policy.checking.trials import with_tests
from sidecar.policy.embedded import parsed
from sidecar.policy.load import load
from sidecar.policy.syntax import Module


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read of a folder, and what is wrong with it. `bundle` is None if it cannot be used.

    `modules` and `files` are the folder's own, without its tests; those of the library when there
    is no folder.
    """

    bundle: Bundle | None
    modules: tuple[Module, ...] = ()
    files: tuple[DataFile, ...] = ()
    mentions: tuple[Mention, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def checked(library: Path, folder: Path | None) -> Checked:
    """Read, parse, rehearse and lint; every problem at once, none raised."""
    mine = folder or library
    bundle, problems = _loaded(library, folder)
    try:
        whole = with_tests(read([library, *([folder] if folder else [])]), [mine])
    except ConfigError as error:
        return Checked(None, problems=_once([*problems, *error.problems]))
    modules, unread = parsed(whole, mine)
    every = tuple(m for m in modules if Path(m.file).is_relative_to(mine))
    ours = tuple(m for m in every if not lint.is_test(m))
    problems += [problem for problem in unread if not _is_told(problem, problems)]
    problems += [*lint.problems(every, whole.data), *site.unread(ours)]
    return Checked(
        bundle,
        ours,
        tuple(file for file in whole.files if file.path.is_relative_to(mine)),
        (*site.mentions(ours), *words.tags(ours)),
        _once(problems),
        (*(bundle.slow if bundle else ()), *metadata.problems(ours)),
    )


def _loaded(library: Path, folder: Path | None) -> tuple[Bundle | None, list[Problem]]:
    try:
        return load(library, folder, is_timed=True), []
    except ConfigError as error:
        return None, list(error.problems)


def _is_told(problem: Problem, told: Sequence[Problem]) -> bool:
    return any(problem.where == other.where for other in told)


def _once(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Each problem once, in the order of files and lines."""
    return tuple(sorted(dict.fromkeys(problems), key=_place))


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (problem.where, 0)
