"""The topics contract against the design's table, kept here as data."""

import pytest

from schemas import avro, topics

# topic: (key, value, cleanup policy, writers)
DESIGN = {
    "votes-in": ("electionId:sub", "votes-in", "delete", {"ingress"}),
    "votes-unique": ("electionId:sub", "votes-unique", "compact", {"dedup"}),
    "votes-accepted": ("electionId:sub", "votes-accepted", "delete", {"dedup"}),
    "votes-rejected": ("electionId:sub", "votes-rejected", "delete", {"dedup"}),
    "votes-dlq": ("as it came", None, "delete", {"dedup"}),
    "votes-agg": ("electionId:candidateId", "votes-agg", "compact", {"tally"}),
    "elections": ("electionId:version", "elections", "compact", {"elections"}),
    "vote-anomalies": ("electionId:kind", "vote-anomalies", "delete", {"anomaly"}),
    "audit-log": ("eventId", "audit-log", "delete", {"ingress", "identity", "risk", "elections"}),
}
KEPT_UNTIL_SEALED = ["votes-in", "votes-accepted", "votes-rejected", "votes-dlq"]
ENVIRONMENTS = ["local", "production"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_topics_are_those_of_the_design(environment: str) -> None:
    found = {topic.name: (topic.key, topic.value, topic.config["cleanup.policy"]) for topic in topics.load(environment).values()}
    assert found == {name: (key, value, cleanup) for name, (key, value, cleanup, _) in DESIGN.items()}


def test_each_topic_names_its_writers_and_readers() -> None:
    for name, entry in topics.document()["topics"].items():
        assert set(entry["writers"]) == DESIGN[name][3], name
        assert entry["readers"], f"nobody reads {name}"


def test_every_value_has_a_schema_and_every_schema_a_topic() -> None:
    with_schema = {topic.value for topic in topics.load("local").values() if topic.value is not None}
    assert with_schema == {schema.topic for schema in avro.all_versions()}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_log_is_stamped_by_the_broker_and_kept(environment: str) -> None:
    contract = topics.load(environment)
    assert contract["votes-in"].config["message.timestamp.type"] == "LogAppendTime"
    for name in KEPT_UNTIL_SEALED:
        assert contract[name].config["retention.ms"] == "-1"
        assert contract[name].config["retention.bytes"] == "-1"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_topics_that_share_a_key_share_a_partition_count(environment: str) -> None:
    contract = topics.load(environment)
    assert len({topic.partitions for topic in contract.values() if topic.key == "electionId:sub"}) == 1


def test_production_survives_the_loss_of_a_broker() -> None:
    for topic in topics.load("production").values():
        assert topic.replication_factor == 3
        assert topic.config["min.insync.replicas"] == "2"
        assert topic.config["unclean.leader.election.enable"] == "false"
    assert topics.load("production")["votes-in"].partitions == 512


def test_the_catalogue_is_one_partition_so_that_versions_stay_in_order() -> None:
    assert topics.load("production")["elections"].partitions == 1


def test_an_unknown_environment_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="no environment 'moon'; it has local, production"):
        topics.load("moon")
