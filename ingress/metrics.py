"""Every metric of the ingress: one typed list, and the instruments made from it, in a registry of their own."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


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
    "Reservations by outcome: taken, held, confirmed, superseded (another vote holds it), released, unavailable.",
    ("outcome",),
)
LOG_QUEUE = Metric("ingress_log_queue_messages", "gauge", "Votes handed to the producer whose delivery report is not in yet.")
LOG_READY = Metric("ingress_log_ready", "gauge", "1 while votes can be handed to the log.")
CIRCUIT_OPEN = Metric("ingress_reservation_circuit_open", "gauge", "1 while Redis is left alone after failures in a row.")
JWKS_AGE = Metric("ingress_jwks_age_seconds", "gauge", "Since the signing keys were last fetched; NaN if they never were.")
CATALOGUE_AGE = Metric("ingress_catalogue_age_seconds", "gauge", "Since the catalogue was last read; NaN if it never was.")
STREAM_LISTENERS = Metric("ingress_stream_listeners", "gauge", "Open streams of results.")

METRICS: tuple[Metric, ...] = (
    VOTE_SECONDS,
    APPEND_SECONDS,
    RESERVATIONS,
    LOG_QUEUE,
    LOG_READY,
    CIRCUIT_OPEN,
    JWKS_AGE,
    CATALOGUE_AGE,
    STREAM_LISTENERS,
)


class Metrics:
    """The instruments of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._vote_seconds = self._histogram(VOTE_SECONDS)
        self._append_seconds = self._histogram(APPEND_SECONDS)
        self._reservations = Counter(RESERVATIONS.name, RESERVATIONS.documentation, RESERVATIONS.labels, registry=self._registry)

    def vote_answered(self, outcome: str, seconds: float) -> None:
        self._vote_seconds.labels(outcome).observe(seconds)

    def vote_appended(self, seconds: float) -> None:
        self._append_seconds.observe(seconds)

    def reservation(self, outcome: str) -> None:
        self._reservations.labels(outcome).inc()

    def watch(self, metric: Metric, read: Callable[[], float]) -> None:
        """Take a gauge's value from ``read`` whenever metrics are asked for."""
        Gauge(metric.name, metric.documentation, registry=self._registry).set_function(read)

    def exposition(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.documentation, metric.labels, buckets=metric.buckets, registry=self._registry)
