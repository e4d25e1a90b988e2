from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ingress.metrics import METRICS, Metrics
from ingress.metrics_page import page

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_says_what_there_is() -> None:
    assert PAGE.read_text() == page(), "make it anew: python -m ingress.metrics_page > docs/metrics.md"


def test_what_was_counted_comes_out_as_prometheus_wants_it() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.015, 0.015, 30.0):
        metrics.vote_answered("accepted", seconds)
    metrics.vote_answered("already-voted", 0.002)
    metrics.vote_appended(0.004)
    metrics.reservation("taken")
    metrics.reservation("taken")
    samples = {
        (sample.name, sample.labels.get("outcome"), sample.labels.get("le")): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }
    assert samples["ingress_vote_seconds_count", "accepted", None] == 4
    assert samples["ingress_vote_seconds_bucket", "accepted", "0.002"] == 1
    assert samples["ingress_vote_seconds_bucket", "accepted", "0.02"] == 3
    assert samples["ingress_vote_seconds_bucket", "accepted", "5.0"] == 3
    assert samples["ingress_vote_seconds_bucket", "accepted", "+Inf"] == 4
    assert samples["ingress_vote_seconds_sum", "accepted", None] == 30.031
    # A bound belongs to its bucket.
    assert samples["ingress_vote_seconds_bucket", "already-voted", "0.002"] == 1
    assert samples["ingress_append_seconds_count", None, None] == 1
    assert samples["ingress_reservations_total", "taken", None] == 2


def test_every_metric_of_the_list_has_a_name_of_its_own() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
