"""A good settings file, and the problems of a bad one, for the tests of the settings."""

import hashlib
from pathlib import Path
from textwrap import dedent

import pytest

from sidecar import settings
from sidecar.errors import ConfigError, Problem

CANARY = "c4n4ry-7d0f1e"


HASH = hashlib.sha256(b"token").hexdigest()


GOOD = """\
backend:
  url: http://127.0.0.1:9000/mcp
bearer:
  audience: sidecar
  issuers:
    - issuer: https://issuer.example
      hs256_secret_file: FOLDER/secret
endpoints:
  - name: support
    methods: [read, create]
audit:
  folder: FOLDER/audit
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "sidecar.yaml"
    file.write_text(dedent(text).replace("FOLDER", str(folder)))
    return file


def problems(file: Path | None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        settings.load(file)
    return caught.value.problems


def told(file: Path | None) -> dict[str, str]:
    """What is wrong, by place."""
    return {problem.where: problem.what for problem in problems(file)}
