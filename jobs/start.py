"""What ``flink run`` executes to submit a job: ``jobs.start <job>``. People use ``python -m jobs submit``."""

import importlib
import os
import sys
from types import ModuleType

from pyflink.table import EnvironmentSettings, TableEnvironment

from jobs import engine, live, plans
from jobs.settings import Settings, SettingsError

# The jobs that are SQL, by name. A module each: NAME, TOPICS, OPTIONS, INSERTS, parameters(), define().
SQL_JOBS = ("dedup", "tally", "ledger")


def module_of(job: str) -> ModuleType:
    return importlib.import_module(f"jobs.{job}")


def environment(job: ModuleType, settings: Settings) -> TableEnvironment:
    """An environment with the options, tables, functions and views of a job that is SQL."""
    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    engine.set_options(table_env, job.NAME, job.OPTIONS, job.parameters(settings))
    job.define(table_env, settings)
    return table_env


def start(name: str) -> None:
    """Submit a job: one that is SQL by its newest plan. Raises ``SettingsError`` and ``NotReady``."""
    settings = Settings.from_environment(os.environ)
    job = module_of(name)
    engine.require_topics(settings, *job.TOPICS)
    if job is live:
        live.start(settings)
    else:
        plans.execute(environment(job, settings), plans.versions(name)[-1])


if __name__ == "__main__":
    try:
        start(sys.argv[1])
    except (SettingsError, engine.NotReady) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
