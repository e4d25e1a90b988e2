"""The votes counted over time: which points are kept, and the line that they make. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH = 600
HEIGHT = 160
POINTS_MOST = 60
# Points closer to each other than this tell nothing more.
SPACING_MS = 1000


@dataclass(frozen=True)
class Point:
    """So many votes at this time (milliseconds since the epoch)."""

    at_ms: int
    total: int

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)


def extended(points: Sequence[Point], point: Point) -> tuple[Point, ...]:
    """The points with a newer one, ``POINTS_MOST`` at the most: beyond that every second one goes, but neither end."""
    if len(points) > 1 and point.at_ms - points[-2].at_ms < SPACING_MS:
        points = points[:-1]
    longer = (*points, point)
    if len(longer) > POINTS_MOST:
        longer = (*longer[:-1:2], longer[-1])
    return longer


def line(points: Sequence[Point]) -> str:
    """An SVG path through all points: from the first, in the lower left corner of ``WIDTH`` by ``HEIGHT``, to the last, in
    the upper right one. Empty with fewer than two points.
    """
    if len(points) < 2:
        return ""
    first, last = points[0], points[-1]
    span, rise = max(last.at_ms - first.at_ms, 1), max(last.total - first.total, 1)
    placed = (
        ((point.at_ms - first.at_ms) / span * WIDTH, HEIGHT - (point.total - first.total) / rise * HEIGHT) for point in points
    )
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
