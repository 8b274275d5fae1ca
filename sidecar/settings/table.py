"""What settings there are: their names, defaults and descriptions, read from the models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sidecar.settings.whole import Settings


class Row(NamedTuple):
    """One setting: `name` is dotted, and `[]` stands for the index in a list of sections."""

    name: str
    default: str
    what: str


def rows(section: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Row]:
    """Every setting in the order of the models, without the sections themselves."""
    for key, field in section.model_fields.items():
        inner, is_list = _inner(field.annotation)
        if inner is None:
            yield Row(prefix + key, _default(field), field.description or "")
        else:
            yield from rows(inner, f"{prefix}{key}{'[]' if is_list else ''}.")


def table() -> str:
    """A Markdown table of every setting, for the README."""
    lines = ["| Setting | Default | What |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {row.default} | {row.what} |" for row in rows()]
    return "\n".join(lines) + "\n"


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The section inside `Section`, `Section | None` or `tuple[Section, ...]`, if there is one."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate, getattr(annotation, "__origin__", None) is tuple
    return None, False


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"
