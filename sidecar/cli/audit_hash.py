"""`sidecar audit hash`: the token under which the log and results hold somebody's address."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sidecar.cli.options import ConfigFile
from sidecar.errors import ConfigError, Problem

if TYPE_CHECKING:
    from sidecar.redaction import Key, Pseudonyms


_LONGEST = 65_536
"""Characters of a value that are read."""


_FORMS = {
    "EMAIL": re.compile(r"[^@\s]+\s*@\s*[^@\s]+\.[^@\s]+"),
    "PHONE": re.compile(r"(?:[^\d\w]*\d){7,15}(?:\s*(?:x|ext\.?)\s*\d{1,6})?[^\d\w]*"),
}


def _kind(text: str) -> str:
    from sidecar.redaction import PSEUDONYMOUS

    entity = text.upper().replace("-", "_")
    if entity not in PSEUDONYMOUS:
        known = ", ".join(sorted(PSEUDONYMOUS)).lower().replace("_", "-")
        raise typer.BadParameter(f"{text!r} has no tokens; one of: {known}")
    return entity


def hash_value(
    kind: Annotated[
        str, typer.Option("--type", parser=_kind, help="email, phone, name, card and so on.")
    ],
    config: ConfigFile = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=FILE", help="A key, instead of those of the settings."),
    ] = None,
) -> None:
    """Print the tokens of a value that you type or pipe in: one a line for each key, newest first.

    Look for them in the log, which names so whom a caller searched for, or in results. The value is
    read from standard input, never from the command line, which others on the machine can see and
    shells keep. Capitals of an address or spaces in a number do not matter.
    """
    pseudonyms = _pseudonyms(key or [], config)
    if sys.stdin.isatty():
        print(f"{kind.lower()}, then Ctrl-D:", file=sys.stderr)
    value = sys.stdin.read(_LONGEST).strip()
    if not value:
        raise ConfigError([Problem("standard input", "holds no value", "type or pipe one in")])
    if not _is_like(kind, value):
        article = {"EMAIL": "no e-mail address", "PHONE": "no telephone number"}[kind]
        print(f"sidecar: this is {article}; its token is of the text as it is", file=sys.stderr)
    for token in pseudonyms.tokens(kind, value):
        print(token)


def _is_like(kind: str, value: str) -> bool:
    """Tell whether a value has the form of its kind, where the kind has one."""
    form = _FORMS.get(kind)
    return form is None or form.fullmatch(value) is not None


def _pseudonyms(named: list[str], config: Path | None) -> Pseudonyms:
    from sidecar import settings
    from sidecar.redaction import Pseudonyms, keys

    if named:
        return Pseudonyms(tuple(map(_key, named)))
    found = keys(settings.load(config).redaction)
    if not found:
        remedy = "set it, or name a key: --key ID=FILE"
        raise ConfigError([Problem("redaction.pseudonym_keys", "is not set", remedy)])
    return Pseudonyms(found)


def _key(text: str) -> Key:
    from sidecar import settings
    from sidecar.redaction import Key

    name, is_there, file = text.partition("=")
    if not is_there or not name or not file:
        raise typer.BadParameter("write --key ID=FILE")
    return Key(name, settings.secret(Path(file)).encode())
