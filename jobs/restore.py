"""Which state a job starts from: the newest that is whole, of its savepoints and of the checkpoints that its runs left."""

from pathlib import Path

# Flink writes this file last: without it the folder is a snapshot that was never finished.
_METADATA = "_metadata"


def checkpoints_of(state_dir: Path, job: str) -> Path:
    """Where a job keeps its checkpoints, a folder for each run of it."""
    return state_dir / "checkpoints" / job


def savepoints_of(state_dir: Path, job: str) -> Path:
    """Where a job's savepoints go."""
    return state_dir / "savepoints" / job


def newest_state(state_dir: Path, job: str) -> Path | None:
    """The folder of the newest finished savepoint or checkpoint of a job; ``None`` if it has never had one."""
    finished = [
        metadata
        for pattern in (
            savepoints_of(state_dir, job).glob(f"*/{_METADATA}"),
            checkpoints_of(state_dir, job).glob(f"*/chk-*/{_METADATA}"),
        )
        for metadata in pattern
        if metadata.stat().st_size > 0
    ]
    if not finished:
        return None
    return max(finished, key=lambda metadata: metadata.stat().st_mtime_ns).parent
