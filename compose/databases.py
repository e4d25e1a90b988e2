"""Roles and databases of the local PostgreSQL server: ``python -m compose.databases``, as its superuser. Safe to repeat.

Aurora's are made by Terraform; the tables in them come from the migrations either way. The passwords are local defaults, used
nowhere else.
"""

import os

import psycopg
from psycopg import sql

OWNER = "voting"
DATABASES = ("voting", "kratos", "hydra", "registry")


def create(connection: psycopg.Connection) -> None:
    """Create the owner, the analysts' login and the databases, where they are missing. The connection must autocommit."""
    roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    if OWNER not in roles:
        connection.execute("CREATE ROLE voting LOGIN CREATEROLE PASSWORD 'voting'")
    if "analyst_ro" not in roles:
        connection.execute("CREATE ROLE analyst_ro LOGIN PASSWORD 'analyst_ro'")
        connection.execute("GRANT analyst_ro TO voting")
    existing = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
    for name in DATABASES:
        if name not in existing:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER)))
            # Everybody may connect to a new database: analysts have no business in those of the identities.
            connection.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


if __name__ == "__main__":
    with psycopg.connect(
        host=os.environ["BIND_HOST"],
        port=os.environ["POSTGRES_PORT"],
        user="postgres",
        password=os.environ["POSTGRES_SUPERUSER_PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as superuser:
        create(superuser)
