from pathlib import Path
from typing import Any

import pytest

from jobs.settings import ClusterSettings, Settings, SettingsError

JAR = {"JOBS_FUNCTIONS_JAR": "/opt/vote-functions.jar"}
CLUSTER = {"FLINK_STATE_DIR": "/run/flink", "FLINK_HOME": "/opt/flink"}


def test_the_defaults_are_those_of_the_local_stack() -> None:
    settings = Settings.from_environment(JAR)
    assert settings.kafka_bootstrap_servers == "127.0.0.1:9092"
    assert settings.schema_registry_url == "http://127.0.0.1:8085/apis/ccompat/v7"
    assert settings.generation == 1


def test_covered_offsets_are_listed_by_partition() -> None:
    assert Settings.from_environment({**JAR, "DEDUP_COVERED_OFFSETS": "0:41,3:7"}).covered_offsets == {0: 41, 3: 7}
    assert Settings.from_environment({**JAR, "DEDUP_SETTLED_OFFSETS": "0:41,3:7"}).settled_offsets == {0: 41, 3: 7}


def test_the_cluster_has_to_be_named() -> None:
    settings = ClusterSettings.from_environment(CLUSTER)
    assert settings.rest_url == "http://127.0.0.1:8081"
    assert settings.state_dir == Path("/run/flink")
    assert settings.parallelism == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCHEMA_REGISTRY_URL", "registry:8085"),
        ("SCHEMA_REGISTRY_URL", "http://registry:port"),
        ("REDIS_URL", "http://redis"),
        ("DATABASE_URL", "mysql://somewhere"),
        ("DATABASE_URL", "postgresql://db/voting"),
        ("DATABASE_URL", "postgresql://voting@db"),
        ("DATABASE_URL", "postgresql:///voting"),
        ("DATABASE_URL", "postgresql://voting@db/voting?no_parameter_of=libpq"),
        ("TALLY_GENERATION", "one"),
        ("TALLY_GENERATION", "0"),
        ("JOBS_FUNCTIONS_JAR", ""),
        ("DEDUP_COVERED_OFFSETS", "1"),
        ("DEDUP_COVERED_OFFSETS", "1:x"),
        ("DEDUP_SETTLED_OFFSETS", "1:x"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: Any, value: Any) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({**JAR, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLINK_STATE_DIR", ""),
        ("FLINK_STATE_DIR", "s3://bucket/flink"),
        ("FLINK_STATE_DIR", "state"),
        ("FLINK_HOME", ""),
        ("FLINK_REST_URL", "localhost"),
        ("JOBS_PARALLELISM", "0"),
    ],
)
def test_a_setting_of_the_cluster_that_makes_no_sense_is_named(name: Any, value: Any) -> None:
    with pytest.raises(SettingsError, match=name):
        ClusterSettings.from_environment({**CLUSTER, name: value})


def test_a_state_folder_may_be_a_file_uri() -> None:
    assert ClusterSettings.from_environment({**CLUSTER, "FLINK_STATE_DIR": "file:///run/flink/"}).state_dir == Path("/run/flink")


def test_passwords_do_not_show() -> None:
    settings = Settings.from_environment(
        {**JAR, "DATABASE_URL": "postgresql://voting:hush@db/voting", "REDIS_URL": "redis://:hush@redis/0"}
    )
    assert "hush" not in repr(settings)


def test_a_database_url_is_taken_as_libpq_takes_it() -> None:
    url = "postgresql://voting:p%40ss@db:6432/voting?sslmode=require&application_name=mine"
    assert Settings.from_environment({**JAR, "DATABASE_URL": url}).database_url == url
