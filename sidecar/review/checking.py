"""A folder of rules, checked with the catalog beside it: what `sidecar policy check` tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sidecar.catalog import Catalog
from sidecar.errors import Problem
from sidecar.policy import checks, silence, words
from sidecar.policy.bundle import Bundle
from sidecar.review import asking, names

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

    The site's rules are asked, once all else holds; those of the library are switched by data that
    may be empty, and have their tests. `told` gets how many inputs were tried, and of how many.
    """
    found = checks.checked(library, folder)
    problems = [*found.problems, *names.unknown(catalog, found.mentions, found.files)]
    warnings = list(found.warnings)
    rules = {module.package for module in found.modules if module.package[1:2] == ("rules",)}
    if folder and found.bundle and not problems:
        known = [file.value for file in found.files]
        texts = words.texts(found.modules, known)
        asked = list(asking.documents(catalog.rows, words.compared(found.modules), texts))
        ours = [module for module in found.modules if module.package in rules]
        quiet, failed = silence.silent(
            found.bundle, ours, asked, lambda number: told(number, len(asked))
        )
        problems += failed
        warnings += [
            Problem(f"{one.file}:{one.line}", f"{_shown(one.rule)} is silent: {_SILENT}", _REMEDY)
            for one in quiet
        ]
    return Told(found.bundle, len(rules), tuple(problems), tuple(warnings))


def _shown(rule: str) -> str:
    return rule.partition(".rules.")[2]
