"""The SQL files of ``sql/``: what a job does, readable without Python."""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Loading PyFlink takes a second, and those who only read files do without.
    from pyflink.table import TableEnvironment

HERE = Path(__file__).parent / "sql"


def read(name: str, **parameters: int | Path | Mapping[str, str]) -> str:
    """The statement of ``sql/<name>.sql`` with its ``${placeholders}`` filled in.

    They are numbers, files, whose URL is filled in, or the options of a ``WITH`` clause.

    Raises ``KeyError`` for a placeholder without a parameter.
    """
    rendered = {key: _rendered(value) for key, value in parameters.items()}
    return Template((HERE / f"{name}.sql").read_text(encoding="utf-8")).substitute(rendered)


def define(table_env: "TableEnvironment", name: str, **parameters: int | Path | Mapping[str, str]) -> None:
    """Execute a definition (of a table, a view or a function)."""
    table_env.execute_sql(read(name, **parameters))


def _rendered(value: int | Path | Mapping[str, str]) -> str:
    if isinstance(value, Path):
        return value.as_uri().replace("'", "''")
    return str(value) if isinstance(value, int) else _options(value)


def _options(options: Mapping[str, str]) -> str:
    return ",\n    ".join(f"{_literal(key)} = {_literal(value)}" for key, value in options.items())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
