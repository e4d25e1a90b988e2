"""Apply the contracts to a running system: ``python -m schemas topics|registry|migrate``. Each is safe to repeat."""

import argparse
import os
import sys

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas import avro, migrations, registry, topics

KAFKA = "127.0.0.1:9092"
REGISTRY = "http://127.0.0.1:8085/apis/ccompat/v7"
DATABASE = "postgresql://voting:voting@127.0.0.1:5432/voting"


def apply_topics(bootstrap_servers: str, environment: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    contract = topics.load(environment)
    created = topics.create_missing(admin, contract.values())
    topics.check_partitions(admin, contract.values())
    topics.check_config(admin, contract.values())
    print(f"topics: {len(contract)} as the contract says, {len(created)} of them new")


def apply_registry(url: str) -> None:
    with registry.Registry(url) as client:
        ids = registry.register_all(client, avro.all_versions())
    for schema, schema_id in ids.items():
        print(f"schema: {schema.subject} version {schema.version} has the id {schema_id}")


def apply_migrations(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        applied = migrations.apply(connection)
    print(f"migrations: {', '.join(applied) if applied else 'nothing to do'}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m schemas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("topics", help="create the Kafka topics of topics.yaml (KAFKA_BOOTSTRAP_SERVERS, TOPICS_ENVIRONMENT)")
    commands.add_parser("registry", help="register the Avro schemas (SCHEMA_REGISTRY_URL)")
    commands.add_parser("migrate", help="apply the SQL migrations (DATABASE_URL, as the owner)")
    command = parser.parse_args(arguments).command
    try:
        if command == "topics":
            apply_topics(os.environ.get("KAFKA_BOOTSTRAP_SERVERS", KAFKA), os.environ.get("TOPICS_ENVIRONMENT", "local"))
        elif command == "registry":
            apply_registry(os.environ.get("SCHEMA_REGISTRY_URL", REGISTRY))
        else:
            apply_migrations(os.environ.get("DATABASE_URL", DATABASE))
    except (
        KeyError,
        KafkaException,
        psycopg.Error,
        topics.TopicMismatch,
        registry.RegistryUnavailable,
        registry.IncompatibleSchema,
        migrations.MigrationChanged,
    ) as error:
        print(f"python -m schemas {command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
