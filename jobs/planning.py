"""The plans of the jobs that are SQL: what they are, and whether the kept ones are those of the SQL as it stands."""

import json
import sys
from collections.abc import Sequence

from jobs import plans, start
from jobs.settings import Settings

SQL_JOBS = start.SQL_JOBS


def explain(settings: Settings, names: Sequence[str]) -> bool:
    """Print the execution plans."""
    for name in names:
        job = start.module_of(name)
        table_env = start.environment(job, settings)
        inserts = table_env.create_statement_set()
        for table, view in job.INSERTS.items():
            inserts.add_insert(table, table_env.from_path(view))
        print(f"{name}\n{'=' * len(name)}\n{inserts.explain()}")
    return True


def plan(settings: Settings, names: Sequence[str], *, write: bool) -> bool:
    """Compare the newest kept plan of each job with what its SQL compiles to, and keep what differs if told to."""
    fine = True
    for name in names:
        job = start.module_of(name)
        found = plans.compiled(start.environment(job, settings), job.INSERTS)
        kept = plans.versions(name)
        former = json.loads(kept[-1].read_text(encoding="utf-8")) if kept else None
        if former is not None and plans.same_work(found, former):
            print(f"{name:<7} {kept[-1].name} is what its SQL compiles to")
            continue
        if not write:
            print(f"{name:<7} its SQL compiles to something else than {kept[-1].name if kept else 'nothing'} (keep it: --write)")
            fine = False
            continue
        try:
            numbered = plans.keep_numbers(found, former) if former is not None else plans.numbered(found)
        except ValueError as error:
            print(f"{name:<7} FAILED: {error}", file=sys.stderr)
            fine = False
            continue
        path = plans.next_path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(numbered, indent=1) + "\n", encoding="utf-8")
        print(f"{name:<7} kept as {path.name}")
    return fine
