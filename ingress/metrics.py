"""Every metric of the ingress: one typed list, and the instruments made from it, in a registry of their own."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as PrometheusMetric
from prometheus_client.utils import floatToGoString


@dataclass(frozen=True)
class Metric:
    """``kind`` is counter, gauge or histogram; ``buckets`` are upper bounds in the metric's unit."""

    name: str
    kind: str
    documentation: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

VOTE_SECONDS = Metric(
    "ingress_vote_seconds",
    "histogram",
    "From the arrival of a POST /vote to its answer, by outcome: accepted, or the name of the problem.",
    ("outcome",),
    _SECONDS,
)
APPEND_SECONDS = Metric(
    "ingress_append_seconds", "histogram", "From handing a vote to the log to its delivery report.", buckets=_SECONDS
)
RESERVATIONS = Metric(
    "ingress_reservations_total",
    "counter",
    "By outcome: taken, resumed, held, confirmed, undecided, released, superseded (not this vote's any more), unavailable.",
    ("outcome",),
)
LOG_QUEUE = Metric("ingress_log_queue_messages", "gauge", "Votes handed to the producer whose delivery report is not in yet.")
LOG_READY = Metric("ingress_log_ready", "gauge", "1 while votes can be handed to the log.")
AUDIT_DROPPED = Metric("ingress_audit_events_dropped", "gauge", "Events that did not get into audit-log since the start.")
CIRCUIT_OPEN = Metric("ingress_reservation_circuit_open", "gauge", "1 while Redis is left alone after failures in a row.")
JWKS_AGE = Metric("ingress_jwks_age_seconds", "gauge", "Since the signing keys were last fetched; NaN if they never were.")
CATALOGUE_AGE = Metric("ingress_catalogue_age_seconds", "gauge", "Since the catalogue was last read; NaN if it never was.")
DENYLIST_AGE = Metric(
    "ingress_denylist_age_seconds", "gauge", "Since the denylist was last compared with the record; NaN if it never was."
)
STREAM_LISTENERS = Metric("ingress_stream_listeners", "gauge", "Open streams of results.")

METRICS: tuple[Metric, ...] = (
    VOTE_SECONDS,
    APPEND_SECONDS,
    RESERVATIONS,
    LOG_QUEUE,
    LOG_READY,
    AUDIT_DROPPED,
    CIRCUIT_OPEN,
    JWKS_AGE,
    CATALOGUE_AGE,
    DENYLIST_AGE,
    STREAM_LISTENERS,
)


class _Distribution:
    """What a histogram has seen: the number of values up to each bucket's bound and beyond, and their sum."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: cumulative, the last one unbounded."""
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(bounds, accumulate(map(float, self.counts)), strict=True))


class Metrics:
    """The instruments of one application, for one thread: that of its event loop.

    What every vote touches is counted in plain numbers and turned into Prometheus's families when they are asked for. The client
    library's own instruments lock, look labels up and walk over all buckets: four of them cost a vote 11 µs.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._vote_seconds: defaultdict[str, _Distribution] = defaultdict(lambda: _Distribution(VOTE_SECONDS.buckets))
        self._append_seconds = _Distribution(APPEND_SECONDS.buckets)
        self._reservations: Counter[str] = Counter()

    def vote_answered(self, outcome: str, seconds: float) -> None:
        self._vote_seconds[outcome].observe(seconds)

    def vote_appended(self, seconds: float) -> None:
        self._append_seconds.observe(seconds)

    def reservation(self, outcome: str) -> None:
        self._reservations[outcome] += 1

    def watch(self, metric: Metric, read: Callable[[], float]) -> None:
        """Take a gauge's value from ``read`` whenever metrics are asked for."""
        Gauge(metric.name, metric.documentation, registry=self._registry).set_function(read)

    def collect(self) -> Iterator[PrometheusMetric]:
        """What ``CollectorRegistry`` asks for."""
        votes = HistogramMetricFamily(VOTE_SECONDS.name, VOTE_SECONDS.documentation, labels=VOTE_SECONDS.labels)
        for outcome, seen in sorted(self._vote_seconds.items()):
            votes.add_metric([outcome], seen.buckets(), seen.total)
        yield votes
        appends = HistogramMetricFamily(APPEND_SECONDS.name, APPEND_SECONDS.documentation)
        appends.add_metric([], self._append_seconds.buckets(), self._append_seconds.total)
        yield appends
        reservations = CounterMetricFamily(RESERVATIONS.name, RESERVATIONS.documentation, labels=RESERVATIONS.labels)
        for outcome, count in sorted(self._reservations.items()):
            reservations.add_metric([outcome], count)
        yield reservations

    def exposition(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)
