"""What an audit finds: each discrepancy by its kind and in words, with the figures of each election."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

# A fault that repeats a million times is one fault: so many of each kind and election are kept in words, all of them are counted.
KEPT_OF_EACH_KIND = 20


class Kind(StrEnum):
    """What is wrong. ``IN_FLIGHT`` passes by itself while dedup runs; so may the projections' kinds while votes come in."""

    IN_FLIGHT = "in flight"
    LOST = "lost"
    DOUBLED = "doubled"
    INVENTED = "invented"
    ALTERED = "altered"
    UNREADABLE = "unreadable output"
    CATALOGUE = "changed catalogue"
    WRONG_VERDICT = "wrong verdict"
    TWO_VOTES = "two votes of one voter"
    LEDGER_MISSING = "missing in the ledger"
    LEDGER_EXTRA = "only in the ledger"
    LEDGER_DIFFERS = "different in the ledger"
    LEDGER_CONFLICT = "ledger conflict"
    AURORA_TOTAL = "wrong total in Aurora"
    REDIS_TOTAL = "wrong total in Redis"
    CONSERVATION = "conservation"
    NOT_LOCATED = "differing votes not looked at"
    CLAIM = "broken promise"


@dataclass(frozen=True)
class Finding:
    """One discrepancy. The text names votes by id and position and never puts a voter beside a choice."""

    kind: Kind
    election_id: str
    text: str


@dataclass
class Findings:
    """Findings by kind and election: all counted, the first ones kept in words."""

    counts: dict[tuple[Kind, str], int] = field(default_factory=dict)
    kept: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, election_id: str, text: str) -> None:
        count = self.counts.get((kind, election_id), 0) + 1
        self.counts[kind, election_id] = count
        if count <= KEPT_OF_EACH_KIND:
            self.kept.append(Finding(kind, election_id, text))

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.kept)

    def of(self, elections: Iterable[str]) -> "Findings":
        """Only those of some elections."""
        wanted = set(elections)
        return Findings(
            {key: count for key, count in self.counts.items() if key[1] in wanted},
            [finding for finding in self.kept if finding.election_id in wanted],
        )


@dataclass
class Figures:
    """The figures of one election. Each is counted by itself; none is what remains of others."""

    cast: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected_otherwise: int = 0
    dead_letters: int = 0
    in_flight: int = 0
    redis_total: int = 0
    aurora_total: int = 0
    ledger_rows: int = 0
