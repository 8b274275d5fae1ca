"""Verifies a long log in a process of its own while this one counts: two cores, half the time.

What is short is verified here. So is what the other process could not do, for whatever reason: a
report without its verification does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from sidecar.audit.verification import Verification, verify
from sidecar.errors import ConfigError

LONG_BYTES: Final = 64 << 20
"""From this size on a second process is worth its start."""


@contextmanager
def verified(
    path: Path, anchor: str | None, keys: tuple[Path, ...], long_bytes: int | None
) -> Iterator[Callable[[], Verification]]:
    """Begin to verify; what is given waits for the end of it. Without a bound all is verified here.

    The other process starts as this one did: a program that does not guard its start with
    `if __name__ == "__main__"` would run twice.

    The call raises ConfigError as `verify` does.
    """
    here = partial(verify, path, anchor, keys=keys)
    if long_bytes is None or _size(path) < long_bytes:
        yield here
        return
    # Spawned: a fork would take the threads' locks along, but not the threads.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        future = pool.submit(here)

        def found() -> Verification:
            try:
                return future.result()
            except (ConfigError, BrokenProcessPool):
                return here()

        yield found


def _size(path: Path) -> int:
    files = path.glob("audit*.jsonl") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
