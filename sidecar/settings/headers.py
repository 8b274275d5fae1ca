"""Headers from a file, for services that want a credential in one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator

from sidecar.errors import ConfigError, Problem
from sidecar.settings.files import secret
from sidecar.settings.kinds import Fault, refusal

_HEADER: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x20-\x7e]+)")


def headers_in(path: Path) -> dict[str, str]:
    """Read headers, one `name: value` a line; values may be credentials.

    Raises:
        ConfigError: The file cannot be used, or a line is no header. The message tells no value.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(secret(path).splitlines(), 1):
        match = _HEADER.fullmatch(line.strip())
        if match is None:
            where = f"{path}:{number}"
            raise ConfigError([Problem(where, "is no header", "write `name: value` on each line")])
        found[match[1]] = match[2]
    return found


def _headers_file(path: Path) -> Path:
    try:
        headers_in(path)
    except ConfigError as error:
        raise refusal(*(Fault("", p.what, p.remedy) for p in error.problems)) from None
    return path


HeadersFile = Annotated[Path, AfterValidator(_headers_file)]
