"""Every metric of the process that confirms reservations, and the instruments made from the list."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from ingress.metrics import Metric

VOTES = Metric(
    "confirmations_votes_total",
    "counter",
    "Records of votes-unique by outcome: kept, over (the election ended long ago), unknown_election, undecodable.",
    ("outcome",),
)
LOSSES = Metric("confirmations_losses_total", "counter", "How often Redis was found to have lost writes, or to be another one.")
FOLLOWING = Metric(
    "confirmations_following", "gauge", "1 while it is known how far the log is in Redis, and what follows is written."
)
REMAINING = Metric(
    "confirmations_remaining_offsets", "gauge", "Offsets left of a rebuild, up to where the log ended when it began; else 0."
)

METRICS: tuple[Metric, ...] = (VOTES, LOSSES, FOLLOWING, REMAINING)


class ConfirmationMetrics:
    """The instruments of one process, in a registry of their own. Touched once a batch, never once a vote."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.votes = Counter(VOTES.name, VOTES.documentation, VOTES.labels, registry=self.registry)
        self.losses = Counter(LOSSES.name, LOSSES.documentation, registry=self.registry)
        self.following = Gauge(FOLLOWING.name, FOLLOWING.documentation, registry=self.registry)
        self.remaining = Gauge(REMAINING.name, REMAINING.documentation, registry=self.registry)
