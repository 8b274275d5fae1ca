"""A folder of rules, checked with the catalog beside it: what `sidecar policy check` tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sidecar.catalog import Catalog
from sidecar.errors import Problem
from sidecar.policy.bundle import Bundle
from sidecar.policy.checking import checks, silence, words
from sidecar.review import examples, names

_SILENT = "no example of the catalog, and no variant of one, makes it say anything"
_REMEDY = "look for a misspelt word, or a condition that nothing meets"


@dataclass(frozen=True, slots=True)
class Told:
    """What is wrong with a folder. Its bundle, and how many rules it has, if it can be used."""

    bundle: Bundle | None
    rules: int
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check(
    library: Path, folder: Path | None, catalog: Catalog, told: Callable[[int, int], None]
) -> Told:
    """Check a site's folder beside the library, or the library alone.

    The site's rules are asked, if they can be; those of the library are switched by data that
    may be empty, and have their tests. `told` gets how many inputs were tried, and of how many.
    """
    found = checks.checked(library, folder)
    problems = [*found.problems, *names.unknown(catalog, found.mentions, found.files)]
    warnings = list(found.warnings)
    rules = {module.package for module in found.modules if module.package[1:2] == ("rules",)}
    if folder and found.bundle:
        failed, silent = _asked(found.bundle, found, catalog, told)
        # What is told of a file already explains why a rule of it fails or is silent.
        files = {_file(problem) for problem in problems}
        problems += [problem for problem in failed if _file(problem) not in files]
        warnings += [problem for problem in silent if _file(problem) not in files]
    return Told(found.bundle, len(rules), tuple(problems), tuple(warnings))


def _asked(
    bundle: Bundle, found: checks.Checked, catalog: Catalog, told: Callable[[int, int], None]
) -> tuple[list[Problem], list[Problem]]:
    """What fails when it is asked, and what never speaks."""
    ours = [module for module in found.modules if module.package[1:2] == ("rules",)]
    texts = words.texts(found.modules, [file.value for file in found.files])
    asked = examples.documents(catalog.rows, texts)
    more = examples.variants(asked, words.compared(found.modules))
    total = len(asked) + len(more)
    quiet, failed = silence.silent(bundle, ours, asked, more, lambda number: told(number, total))
    return failed, [
        Problem(f"{one.file}:{one.line}", f"{_shown(one.rule)} is silent: {_SILENT}", _REMEDY)
        for one in quiet
    ]


def _file(problem: Problem) -> str:
    return problem.where.rpartition(":")[0]


def _shown(rule: str) -> str:
    return rule.partition(".rules.")[2]
