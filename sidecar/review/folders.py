"""A folder of policies, whatever kind it is, to a Bundle that was checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sidecar import policy
from sidecar.errors import ConfigError
from sidecar.policy.checking import starter
from sidecar.settings import shipped

LIBRARY: Final = "library"
"""The word for the shipped library alone, where no folder has this name."""

_MAIN: Final = re.compile(r"^package\s+sidecar\.main\s*$", re.MULTILINE)


def bundle(folder: Path | None) -> policy.Bundle:
    """Read a site's folder beside the shipped library, or a whole one, which has a main of its own.

    None, and the word `library`, are the shipped library alone.

    Raises:
        ConfigError: what `sidecar check` would refuse, with file and line.
    """
    library = shipped("policies")
    if folder and (problem := starter.instead(folder)):
        raise ConfigError([problem])
    if folder is None or (str(folder) == LIBRARY and not folder.exists()):
        return policy.load(library)
    return policy.load(folder) if _is_whole(folder) else policy.load(library, folder)


def _is_whole(folder: Path) -> bool:
    modules = (path for path in folder.rglob("*.rego") if not path.name.endswith("_test.rego"))
    return any(_MAIN.search(path.read_text("utf-8", "replace")) for path in modules)
