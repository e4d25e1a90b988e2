"""Migrations are numbered, complete and say nothing about one machine or one secret."""

import re
from pathlib import Path

import pytest

from schemas import migrations


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert [migration.number for migration in migrations.all_migrations()] == list(range(1, len(migrations.all_migrations()) + 1))


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("0001_one.sql", "0003_three.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    monkeypatch.setattr(migrations, "HERE", tmp_path)
    with pytest.raises(ValueError, match="without a gap"):
        migrations.all_migrations.__wrapped__()


@pytest.mark.parametrize("migration", migrations.all_migrations(), ids=lambda migration: migration.name)
def test_file_names_say_what_they_hold(migration: migrations.Migration) -> None:
    assert re.fullmatch(r"[0-9]{4}_[a-z_]+", migration.name)
    assert migration.sql.startswith("-- ")


@pytest.mark.parametrize("migration", migrations.all_migrations(), ids=lambda migration: migration.name)
def test_no_migration_sets_a_password_or_commits_by_itself(migration: migrations.Migration) -> None:
    statements = re.sub(r"--.*", "", migration.sql)
    assert not re.search(r"\b(PASSWORD|COMMIT|ROLLBACK|CONCURRENTLY)\b", statements, re.IGNORECASE)


def test_the_tables_and_columns_of_the_design_exist() -> None:
    sql = "\n".join(migration.sql for migration in migrations.all_migrations())
    for table in (
        "elections",
        "candidates",
        "votes_ledger",
        "vote_totals",
        "vote_totals_history",
        "denylist",
        "audit_trail",
        "recount_reports",
    ):
        assert f"CREATE TABLE {table} (" in sql
