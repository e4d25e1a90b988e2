"""Every metric of the proof: one typed list, and the families made from a view. No label can name a voter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from proof.watch import View


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str
    documentation: str
    labels: tuple[str, ...] = ()


VOTES = Metric(
    "conservation_votes",
    "gauge",
    "Records of votes-in by what became of them: cast (all of them), accepted, duplicate, the reason of another rejection,"
    " dead_letter, in_flight. A record whose election cannot be told is under unknown.",
    ("election", "outcome"),
)
EXACT = Metric("conservation_exact", "gauge", "1 while every record that dedup has passed has one verdict and all sums come out.")
WRONG = Metric(
    "conservation_alarm_records",
    "gauge",
    "Records that something is wrong with: gap (no verdict for too long), overlap (a second one), invented (a verdict without a"
    " record), unreadable. Above 0 somebody should be woken.",
    ("alarm",),
)
UNACCOUNTED = Metric(
    "conservation_unaccounted_records",
    "gauge",
    "Records that dedup has passed and that have no verdict. Some pass by: dedup notes its progress apart from its verdicts.",
)
BEHIND = Metric("conservation_behind_offsets", "gauge", "Offsets of the topics that were not read yet.")
READ = Metric("conservation_read_records_total", "counter", "Records read since the start of the process.")
RUNS = Metric("conservation_runs", "gauge", "Runs of offsets that are remembered: memory goes with them, not with votes.")
AGE = Metric("conservation_age_seconds", "gauge", "Since the figures were last compared; NaN if they never were.")

METRICS: tuple[Metric, ...] = (VOTES, EXACT, WRONG, UNACCOUNTED, BEHIND, READ, RUNS, AGE)


class Collector:
    """What ``CollectorRegistry`` asks for families, made from the newest view whenever it does."""

    def __init__(self, newest: Callable[[], View | None], clock: Callable[[], float]) -> None:
        self._newest = newest
        self._clock = clock

    def collect(self) -> Iterator[Family]:
        view = self._newest()
        yield _gauge(AGE, float("nan") if view is None else self._clock() - view.at)
        if view is None:
            return
        votes = GaugeMetricFamily(VOTES.name, VOTES.documentation, labels=VOTES.labels)
        for election_id, balance in view.elections.items():
            outcomes = {
                "cast": balance.cast,
                "accepted": balance.accepted,
                "duplicate": balance.duplicates,
                "dead_letter": balance.dead_letters,
                "in_flight": balance.in_flight,
                **balance.rejected,
            }
            for outcome, number in outcomes.items():
                votes.add_metric([election_id, outcome], number)
        yield votes
        wrong = GaugeMetricFamily(WRONG.name, WRONG.documentation, labels=WRONG.labels)
        for alarm, number in view.wrong.items():
            wrong.add_metric([str(alarm)], number)
        yield wrong
        yield _gauge(EXACT, float(view.is_exact))
        yield _gauge(UNACCOUNTED, view.unaccounted)
        yield _gauge(BEHIND, view.behind)
        yield _gauge(RUNS, view.runs)
        yield CounterMetricFamily(READ.name.removesuffix("_total"), READ.documentation, view.read)


def _gauge(metric: Metric, value: float) -> Family:
    return GaugeMetricFamily(metric.name, metric.documentation, value)
