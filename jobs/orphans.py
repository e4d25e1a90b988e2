"""Python workers end with their TaskManager.

One that is killed leaves its workers behind: they notice, and on their way out some lock up in the log handler (apache-beam's
``FnApiLogRecordHandler.close`` waits, with the handler's lock, for a thread that wants to log). Each would keep 200 MB for ever.
"""

import os
import threading
import time
from functools import cache
from pathlib import Path

LOOK_EVERY_SECONDS = 1.0


@cache
def end_with_task_manager() -> None:
    """Watch the TaskManager from a thread of this process, and end the process when it is gone. Once is enough; Linux only."""
    task_manager = _grandparent()
    if task_manager is not None:
        threading.Thread(target=_watch, args=(task_manager,), name="end-with-task-manager", daemon=True).start()


def _watch(task_manager: int) -> None:
    while _grandparent() == task_manager:
        time.sleep(LOOK_EVERY_SECONDS)
    os._exit(1)


def _grandparent() -> int | None:
    """The process that started the shell that started this one."""
    try:
        status = Path(f"/proc/{os.getppid()}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # "pid (name) state ppid …": a name may hold spaces and brackets itself.
    return int(status.rpartition(")")[2].split()[1])
