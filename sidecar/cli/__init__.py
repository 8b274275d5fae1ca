"""The command line: each command parses, calls one function below, prints.

Exit 2 means usage or configuration, exit 1 that what was asked for has failed.
"""

from __future__ import annotations

from sidecar.cli.root import cli, main

__all__ = ["cli", "main"]
