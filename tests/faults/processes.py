"""Processes as the kernel sees them, independent of what their supervisor believes."""

from pathlib import Path

STOPPED = "T"
_DEAD = {"Z", "X"}


def state(pid: int) -> str | None:
    """The letter of proc(5): R, S, D, T, …; ``None`` if the process has ended, a zombie included."""
    fields = _fields(pid)
    return None if fields is None or fields[0] in _DEAD else fields[0]


def tree(pid: int) -> tuple[int, ...]:
    """The process and everything that descends from it, ancestors first; empty if it has ended."""
    if state(pid) is None:
        return ()
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _fields(int(entry.name))) is not None and fields[0] not in _DEAD:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return tuple(found)


def _fields(pid: int) -> list[str] | None:
    """State, parent, and so on: what follows the name, which may hold spaces and parentheses."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
