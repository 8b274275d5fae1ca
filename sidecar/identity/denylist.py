"""What was revoked before its time: tokens, subjects and endpoints.

The file is small and names nothing secret: a token's `jti` and `sub`, and an endpoint's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.errors import ConfigError, Problem
from sidecar.model import Caller, Endpoint

LARGEST: Final = 1 << 20
_KINDS: Final = ("jti", "sub", "endpoint")


@dataclass(frozen=True, slots=True)
class DenyList:
    """What no longer counts: token ids, subjects (of any issuer), endpoints by name or id."""

    jti: frozenset[str] = frozenset()
    sub: frozenset[str] = frozenset()
    endpoint: frozenset[str] = frozenset()

    def has_token(self, caller: Caller) -> bool:
        """Whether the token that vouched for a caller was revoked, or its subject."""
        is_subject_denied = caller.is_authenticated and caller.subject in self.sub
        return is_subject_denied or caller.token_id in self.jti

    def has_endpoint(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint was revoked."""
        return endpoint.name in self.endpoint or endpoint.reference in self.endpoint


NOTHING: Final = DenyList()


def read(path: Path) -> DenyList:
    """Read a deny list: a YAML mapping with lists of text under `jti`, `sub` and `endpoint`.

    Raises:
        ConfigError: It cannot be read, is larger than 1 MiB, or says anything else; every problem.
    """
    return parsed(_content(path), str(path))


def parsed(text: bytes | str, where: str = "the deny list") -> DenyList:
    """Make a deny list of YAML.

    Raises:
        ConfigError: It is no YAML, or no mapping of lists; every problem.
    """
    document = _document(text, where)
    if document is None:
        return NOTHING
    if not isinstance(document, Mapping):
        raise ConfigError([Problem(where, "is no mapping", "jti: [...]")])
    problems = list(_problems(where, document))
    if problems:
        raise ConfigError(problems)
    return DenyList(**{kind: frozenset(document.get(kind) or ()) for kind in _KINDS})


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    if len(content) > LARGEST:
        raise ConfigError([Problem(str(path), f"has more than {LARGEST} bytes")])
    return content


def _document(text: bytes | str, where: str) -> Any:
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        # Every scalar is text, as in the settings: a jti that looks like a number is none.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts alone
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError([Problem(f"{where}{line}", "is not YAML", "jti: [...]")]) from None
    if isinstance(root, yaml.MappingNode) and len(document) < len(root.value):
        # The reader would keep the last and lose what the others name.
        raise ConfigError([Problem(where, "names a kind twice", "put both into one list")])
    return document or None


def _problems(where: str, document: Mapping[Any, Any]) -> list[Problem]:
    found = []
    for kind, values in document.items():
        if kind not in _KINDS:
            found.append(Problem(f"{where} {str(kind)[:40]}", "is no kind", ", ".join(_KINDS)))
        elif values and not (isinstance(values, list) and all(_is_text(v) for v in values)):
            found.append(Problem(f"{where} {kind}", "is no list of texts", "quote each: ['7']"))
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
