"""The cache of built parts, outside the checkout: ``$XDG_CACHE_HOME/realtime-voting``, by default below ``~/.cache``."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def root() -> Path:
    """The folder of all cached parts. It is created by whoever writes into it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "realtime-voting"


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock of this name: two checkouts that set themselves up at once must not build the same thing twice."""
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(paths: Iterable[Path]) -> str:
    """A short hash of the names and contents of these files: the key of what is built from them."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def built(name: str, manifest: Iterable[Path], build: Callable[[Path], None]) -> Path:
    """The folder of a part, built if it is not there yet.

    ``build`` fills an empty folder that takes its final name only when it is complete, so that a build which died leaves nothing
    that looks finished. Raises whatever ``build`` raises.
    """
    folder = path_of(name, manifest)
    if folder.exists():
        return folder
    with exclusive(name):
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-unfinished-", dir=root()))
            try:
                build(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def path_of(name: str, manifest: Iterable[Path]) -> Path:
    """Where ``built`` puts this part, whether it is there or not."""
    return root() / f"{name}-{fingerprint(manifest)}"
