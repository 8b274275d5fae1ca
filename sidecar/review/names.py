"""Names in a site's rules and data that the catalog does not know: of tools, arguments and tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sidecar.catalog import Catalog
from sidecar.errors import Problem
from sidecar.policy.bundle import DataFile, Mention
from sidecar.policy.spelling import meant

_REMEDY: Final = "name the folder of the catalog that has it: --catalog FOLDER"


def unknown(
    catalog: Catalog, mentions: Iterable[Mention], files: Iterable[DataFile]
) -> Iterator[Problem]:
    """What no tool of the catalog is or has: a rule about it does nothing."""
    known = catalog.names()
    for mention in (*mentions, *_in_data(files)):
        if mention.name not in known[mention.kind]:
            what = f"the catalog has no {mention.kind} {mention.name}"
            close = meant(mention.name, known[mention.kind])
            yield Problem(mention.where, what, close if close.startswith("did") else _REMEDY)


def _in_data(files: Iterable[DataFile]) -> Iterator[Mention]:
    """Lists of the configuration whose key ends in `_tags` or `_tools`."""
    for file in files:
        site = file.value.get("site", {})
        config = site.get("config", {}) if isinstance(site, dict) else {}
        for key, words in config.items() if isinstance(config, dict) else ():
            kind = {"tags": "tag", "tools": "tool"}.get(key.rpartition("_")[2])
            if kind and isinstance(words, list):
                where = file.at("site", "config", key)
                for word in words:
                    yield Mention("tag" if kind == "tag" else "tool", str(word), where)
