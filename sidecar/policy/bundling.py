"""A Bundle to the bytes of an OPA bundle: the same policy, the same bytes.

Nothing of the machine gets in: no times, owners or paths, and the archive is stored rather than
compressed, since what a compressor makes of the same bytes differs from one to the next.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import orjson

from sidecar.errors import ConfigError
from sidecar.policy.bundle import Bundle
from sidecar.policy.embedded import parsed
from sidecar.policy.syntax import Module

ROOTS = ("sidecar", "site")
"""What a built bundle always owns, so that no other bundle adds rules or data to it."""


def files(bundle: Bundle) -> dict[str, bytes]:
    """The files of an OPA bundle, by name: each module in its package's folder, data by its root.

    Raises:
        ConfigError: a module does not parse.
    """
    modules, problems = parsed(bundle, None)
    if problems:
        raise ConfigError(problems)
    found = {name: module.text.encode() for name, module in named(modules).items()}
    for root, value in bundle.data.items():
        found[f"{root}/data.json"] = _json(value)
    return found


def named(modules: Iterable[Module]) -> dict[str, Module]:
    """Modules by the name that each has in a bundle: its package is its folder."""
    found: dict[str, Module] = {}
    for module in modules:
        path = PurePath(module.file)
        folder = "/".join(part.replace("/", "_") for part in module.package)
        name, count = f"{folder}/{path.name}", 1
        while name in found:
            count += 1
            name = f"{folder}/{path.stem}_{count}{path.suffix}"
        found[name] = module
    return found


def archive(bundle: Bundle) -> bytes:
    """The bundle as `opa run --bundle` reads it. Its revision is the policy's digest.

    Raises:
        ConfigError: a module does not parse.
    """
    content = files(bundle)
    content[".manifest"] = _json(_manifest(bundle, content))
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(content.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    zipped = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=0, fileobj=zipped, mtime=0) as file:
        file.write(tarball.getvalue())
    return zipped.getvalue()


def _manifest(bundle: Bundle, content: Iterable[str]) -> Mapping[str, Any]:
    """OPA keeps data.system for itself, but for the packages that it asks."""
    tops = {tuple(name.split("/")[: 2 if name.startswith("system/") else 1]) for name in content}
    roots = sorted({*ROOTS, *("/".join(top) for top in tops)})
    return {"revision": bundle.sha256, "roots": roots, "rego_version": 1}


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
