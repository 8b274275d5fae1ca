"""`sidecar policy confirm`: a policy that the guard holds back may decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli.options import ConfigFile
from sidecar.errors import ConfigError, Problem


def confirm(
    digest: Annotated[
        str, typer.Argument(help="Digest of the policy, 12 digits or more, as the alarm names it.")
    ],
    config: ConfigFile = None,
) -> None:
    """Let a policy decide that is held back because it would turn much.

    Writes `confirmed` into the site's folder, which every sidecar that reads that folder obeys
    within seconds. In a ConfigMap it is a key beside the rules: put the digest there.
    """
    from sidecar import settings
    from sidecar.policy import CONFIRMED, load

    folder = settings.load(config).policy.site_folder
    if folder is None:
        problem = Problem("policy.site_folder", "is not set, so no policy is held back")
        raise ConfigError([problem])
    sha256 = load(settings.shipped("policies"), folder).sha256
    _same(digest.lower(), sha256)
    _put(folder / CONFIRMED, sha256)
    print(f"confirmed: {sha256} (in {folder / CONFIRMED})")


def _same(digest: str, sha256: str) -> None:
    from sidecar.policy import DIGITS

    if len(digest) < DIGITS:
        remedy = "take it from the log, or from /readyz of the admin listener"
        raise ConfigError([Problem("DIGEST", f"has less than {DIGITS} digits", remedy)])
    if not sha256.startswith(digest):
        what = f"is not what lies in the folder now, which is {sha256[:DIGITS]}"
        raise ConfigError([Problem("DIGEST", what, "look again at what it would turn")])


def _put(file: Path, sha256: str) -> None:
    """Write it whole or not at all: a sidecar may be looking."""
    new = file.with_name(f".{file.name}")
    new.write_text(f"{sha256}\n")
    new.replace(file)
