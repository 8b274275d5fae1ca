"""Adding to a deny list: what a person has written there stays, comments and all."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from sidecar.errors import ConfigError, Problem
from sidecar.identity.denylist import LARGEST, DenyList, parsed, read


def revoke(path: Path, endpoint: str) -> bool:
    """Put an endpoint, by name or id, on the deny list in a file; False: it stood there already.

    The file is replaced at once, never half-written, and keeps its mode.

    Raises:
        ConfigError: It is no usable deny list, would grow too large, or cannot be replaced.
    """
    target = path.resolve()
    known = read(target)
    if endpoint in known.endpoint:
        return False
    wanted = replace(known, endpoint=known.endpoint | {endpoint})
    text = _with(target.read_text(encoding="utf-8"), endpoint, wanted)
    if len(text.encode()) > LARGEST:
        raise ConfigError([Problem(str(path), f"would have more than {LARGEST} bytes", "tidy it")])
    try:
        _replace(target, text)
    except OSError as error:
        what, remedy = (
            f"cannot be replaced: {error.strerror}",
            "make its folder writable, or edit it",
        )
        raise ConfigError([Problem(str(path), what, remedy)]) from None
    return True


def _with(text: str, endpoint: str, wanted: DenyList) -> str:
    """The file's text with one line more, if that then says what is wanted; else written anew."""
    added = _inserted(text, endpoint)
    if added is not None and _says(added, wanted):
        return added
    lists = {name: sorted(getattr(wanted, name)) for name in ("jti", "sub", "endpoint")}
    return yaml.safe_dump({name: found for name, found in lists.items() if found}, sort_keys=False)


def _says(text: str, wanted: DenyList) -> bool:
    try:
        return parsed(text) == wanted
    except ConfigError:
        return False


def _inserted(text: str, endpoint: str) -> str | None:
    """The text with the endpoint below `endpoint:`; None where that is no plain list."""
    item = json.dumps(endpoint)  # a JSON string is a YAML one, whatever is in it
    base = text if not text or text.endswith("\n") else f"{text}\n"
    root = yaml.compose(base, Loader=yaml.SafeLoader)
    if root is None:
        return f"{base}endpoint:\n- {item}\n"
    if not isinstance(root, yaml.MappingNode):
        return None
    below: Any = next((value for key, value in root.value if key.value == "endpoint"), None)
    if below is None:
        return f"{base}endpoint:\n- {item}\n"
    if not isinstance(below, yaml.SequenceNode):
        return None
    if below.flow_style:
        at = below.end_mark.index - 1
        return f"{base[:at]}{', ' if below.value else ''}{item}{base[at:]}"
    at = base.index("\n", below.value[-1].end_mark.index) + 1
    return f"{base[:at]}{' ' * below.start_mark.column}- {item}\n{base[at:]}"


def _replace(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fchmod(handle, stat.S_IMODE(target.stat().st_mode))
            os.fsync(handle)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)  # it is there only if it did not take the other's place
