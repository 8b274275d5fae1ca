"""The site's data, checked: what is not used, or would break every decision, is a problem.

Rego merges `data.site.config` over the library's own and passes over what it does not know, so that
a misspelt key would do nothing and a misspelt word would stop every call when it is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.errors import Problem
from sidecar.policy.bundle import DataFile, Mention
from sidecar.policy.checking import site_values
from sidecar.policy.checking.site_values import Place
from sidecar.policy.shadow import RuleNames
from sidecar.policy.spelling import meant


def problems(file: DataFile, known: Mapping[str, Any], rules: RuleNames) -> Iterator[Problem]:
    """Check one data file against the library's configuration `known` and the names of `rules`."""
    for key, value in file.value.items():
        if key != "site":
            yield _stray(file, key, known)
        elif not isinstance(value, dict):
            yield Problem(file.at("site"), "site is no object", "put the site's data below it")
        else:
            yield from _site(file, value, known, rules)


def mentions(file: DataFile) -> Iterator[Mention]:
    """The tools and arguments that the rows of a checked data file name, with file and line."""
    for key, rows in file.value.get("site", {}).get("config", {}).items():
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict):
                where = ("site", "config", key, str(number))
                for name in row.get("tools", []):
                    yield Mention("tool", name, file.at(*where, "tools"))
                if "argument" in row:
                    yield Mention("argument", row["argument"], file.at(*where, "argument"))


def _stray(file: DataFile, key: str, known: Mapping[str, Any]) -> Problem:
    """Data that nothing reads, for it does not lie where the site's lies."""
    remedy = "put it below `site:` and `config:`" if key in known else "put it below `site:`"
    if file.root:
        # Written out whole: a folder that is called site itself needs another site in it.
        folder = file.path.parents[len(file.root)]
        remedy = f"move the file to {folder.joinpath('site', *file.root, file.path.name)}"
    return Problem(file.at(key), f"data {key!r} does not lie below site, so it is not used", remedy)


def _site(
    file: DataFile, site: Mapping[str, Any], known: Mapping[str, Any], rules: RuleNames
) -> Iterator[Problem]:
    if "rules" in site:
        what = "data lies below site.rules, which denies every tool"
        yield Problem(
            file.at("site", "rules"), what, "write rules in Rego; name the data otherwise"
        )
    config = site.get("config", {})
    if not isinstance(config, dict):
        yield Problem(
            file.at("site", "config"), "site.config is no object", f"one of: {_all(known)}"
        )
        return
    for key, value in config.items():
        place = Place(file, ("site", "config", key))
        if key == "shadow_rules":
            yield from _shadowed(place, value, rules)
        elif key in known:
            yield from site_values.problems(place, value, known[key])
        else:
            yield place.unused("is no key of the library", meant(key, known))


def _shadowed(place: Place, value: Any, rules: RuleNames) -> Iterator[Problem]:
    yield from site_values.words("rule", rules.all)(place, value)
    for name in rules.doubled.intersection(value if isinstance(value, list) else ()):
        what = f"{name} is a rule of the library and one of yours, and both would be in shadow"
        yield place.problem(what, "give the package of yours another name")


def _all(known: Mapping[str, Any]) -> str:
    return ", ".join(sorted(known))
