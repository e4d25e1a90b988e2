"""The page ``docs/metrics.md``, made from the lists of metrics: ``python -m ingress.metrics_page > docs/metrics.md``."""

from collections.abc import Iterable

from ingress.confirmations import metrics as confirmations
from ingress.metrics import METRICS, Metric

_PROCESSES = (
    ("The voting API", "`GET /metrics` of each instance; with several workers, those of the worker that answers.", METRICS),
    ("The confirmations", "`GET /metrics` on `CONFIRM_METRICS_PORT` (9251 on one machine).", confirmations.METRICS),
)


def page() -> str:
    parts = ["# Metrics\n\nMade by `python -m ingress.metrics_page`; a test compares. No label can name a voter.\n"]
    for title, where, metrics in _PROCESSES:
        parts.append(f"\n## {title}\n\n{where}\n\n{_table(metrics)}")
    return "".join(parts)


def _table(metrics: Iterable[Metric]) -> str:
    rows = [f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.documentation} |\n" for metric in metrics]
    return "| name | kind | labels | what it tells |\n| --- | --- | --- | --- |\n" + "".join(rows)


if __name__ == "__main__":
    print(page(), end="")
