"""What ``flink run`` executes to submit a job or a rebuild of it: ``jobs.start <name>``. People use ``python -m jobs submit``."""

import importlib
import os
import sys
from dataclasses import replace
from types import ModuleType

from pyflink.table import EnvironmentSettings, TableEnvironment

from jobs import engine, live, plans, rebuilds, registered_schemas, statements
from jobs.settings import Settings, SettingsError
from schemas.registry import RegistryUnavailable, SchemaNotRegistered

# The jobs that are SQL, by name. A module each: NAME, TOPICS, OPTIONS, INSERTS, parameters(), define().
SQL_JOBS = ("dedup", "tally", "ledger")


def module_of(job: str) -> ModuleType:
    return importlib.import_module(f"jobs.{job}")


def environment(job: ModuleType, settings: Settings) -> TableEnvironment:
    """An environment with the options, tables, functions and views of a job that is SQL."""
    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    engine.set_options(table_env, job.NAME + settings.suffix, job.OPTIONS, job.parameters(settings))
    statements.define(table_env, "functions", jar=settings.functions_jar)
    job.define(table_env, settings)
    return table_env


def start(name: str) -> None:
    """Submit a job, or a rebuild of one: one that is SQL by its newest plan.

    Raises ``SettingsError``, ``NotReady``, ``RegistryUnavailable`` and ``SchemaNotRegistered``.
    """
    base, suffix = rebuilds.parts(name)
    settings = replace(Settings.from_environment(os.environ), suffix=suffix)
    job = module_of(base)
    engine.require_topics(settings, *job.TOPICS)
    settings = registered_schemas.look_up(settings, job.TOPICS)
    if job is live:
        live.start(settings)
    else:
        plans.execute(environment(job, settings), plans.versions(base)[-1])


if __name__ == "__main__":
    try:
        start(sys.argv[1])
    except (SettingsError, engine.NotReady, RegistryUnavailable, SchemaNotRegistered) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
