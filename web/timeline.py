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
    """An SVG path through all points, over the whole of ``WIDTH`` (first time to last) and ``HEIGHT`` (no vote to the most).

    Empty with fewer than two points.
    """
    if len(points) < 2:
        return ""
    return "M" + " L".join(f"{x:g} {y:g}" for x, y in _placed(points))


def area(points: Sequence[Point]) -> str:
    """What lies below the line."""
    return f"{line(points)} V{HEIGHT} H0 Z" if len(points) >= 2 else ""


def _placed(points: Sequence[Point]) -> list[tuple[float, float]]:
    first, span = points[0].at_ms, max(points[-1].at_ms - points[0].at_ms, 1)
    most = max(*(point.total for point in points), 1)
    return [(round((point.at_ms - first) / span * WIDTH, 1), round(HEIGHT - point.total / most * HEIGHT, 1)) for point in points]
