"""The site's data, checked: what is not used, or would break every decision, is a problem.

Rego merges `data.site.config` over the library's own and passes over what it does not know, so that
a misspelt key would do nothing and a misspelt word would stop every call when it is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, get_args

from sidecar.errors import Problem
from sidecar.model import ENTITIES, METHOD_GROUPS, Action, Method
from sidecar.policy.bundle import DataFile
from sidecar.policy.spelling import meant

ACTIONS: Final = frozenset(get_args(Action))
_METHODS: Final = frozenset({*get_args(Method), *METHOD_GROUPS})

_WORDS: Final[Mapping[str, tuple[str, AbstractSet[str]]]] = {
    "always_masked": ("entity", ENTITIES),
    "default_methods": ("method", _METHODS),
    "refused_in_arguments": ("entity", ENTITIES | {"MASK"}),
}
"""Lists of the configuration whose words are ours. Roles, tags and MCP methods are anybody's."""


def problems(file: DataFile, known: Mapping[str, Any]) -> Iterator[Problem]:
    """Check one data file against the library's configuration `known`."""
    for key, value in file.value.items():
        if key != "site":
            yield _stray(file, key, known)
        elif not isinstance(value, dict):
            yield Problem(file.at("site"), "site is no object", "put the site's data below it")
        else:
            yield from _site(file, value, known)


def _stray(file: DataFile, key: str, known: Mapping[str, Any]) -> Problem:
    """Data that nothing reads, for it does not lie where the site's lies."""
    remedy = "put it below `site:` and `config:`" if key in known else "put it below `site:`"
    if file.root:
        # Written out whole: a folder that is called site itself needs another site in it.
        folder = file.path.parents[len(file.root)]
        remedy = f"move the file to {folder.joinpath('site', *file.root, file.path.name)}"
    return Problem(file.at(key), f"data {key!r} does not lie below site, so it is not used", remedy)


def _site(file: DataFile, site: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Problem]:
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
        where = file.at("site", "config", key)
        if key not in known:
            what = f"site.config.{key} is no key of the library, so it is not used"
            yield Problem(where, what, meant(key, known))
        elif isinstance(known[key], dict):
            yield from _masks(file, key, value)
        elif isinstance(known[key], int):
            yield from _number(where, key, value)
        else:
            yield from _list(where, key, value)


def _all(known: Mapping[str, Any]) -> str:
    return ", ".join(sorted(known))


def _masks(file: DataFile, key: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, dict):
        what = f"site.config.{key} is no object, so it is not used"
        yield Problem(file.at("site", "config", key), what, "write `ENTITY: action`")
        return
    for entity, action in value.items():
        where = file.at("site", "config", key, entity)
        if entity not in ENTITIES:
            yield Problem(where, f"{entity} is no entity", meant(entity, ENTITIES))
        if not isinstance(action, str):
            yield Problem(where, f"the action of {entity} is no word", meant("", ACTIONS))
        elif action not in ACTIONS:
            yield Problem(where, f"{action} is no action", meant(action, ACTIONS))


def _number(where: str, key: str, value: Any) -> Iterator[Problem]:
    if type(value) is not int or value < 0:
        what = f"site.config.{key} is no whole number from 0 on, so it is not used"
        yield Problem(where, what, f"{key}: 60")


def _list(where: str, key: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(where, f"site.config.{key} is no list, so it is not used", f"{key}: [word]")
        return
    name, words = _WORDS.get(key, ("", frozenset()))
    for word in value:
        if not isinstance(word, str):
            what = f"site.config.{key} holds what is no word"
            yield Problem(where, what, "put each in quotes")
        elif name and word not in words:
            yield Problem(where, f"{word} is no {name}", meant(word, words))
