"""What became of the vote with a receipt: the steps of the check, in their order, without any file or network.

Each step believes only what the one before has shown: the receipt by its signature, the manifest by its own, the leaves or the
path by the root that the manifest states.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Self

from proof import canonical_json, commitments, merkle
from proof.commitments import NotCommitments, Summary, Verdict
from proof.leaves import Leaves
from proof.manifest import BadManifest
from proof.merkle import WrongPath
from proof.receipt import Receipt


class Outcome(IntEnum):
    """What a check comes to, as the exit status of the commands."""

    COUNTED = 0
    GENUINE = 0  # of what is checked without asking whether a vote counts
    NOT_GENUINE = 1
    COULD_NOT_CHECK = 2
    DUPLICATE = 3
    REJECTED = 4
    NOT_IN_THE_TREE = 5
    ANOTHER_ELECTION = 6


_WHY_REJECTED = {
    Verdict.UNKNOWN_ELECTION: "it names a version of the election that there is not",
    Verdict.UNKNOWN_CANDIDATE: "it is for somebody who does not stand",
    Verdict.ELECTION_NOT_OPEN: "the election did not take votes when it came into the log",
    Verdict.WRONG_JURISDICTION: "the election is for voters of other jurisdictions",
    Verdict.DEAD_LETTER: "its record in the log is not as it must be",
}


class Result(NamedTuple):
    outcome: Outcome
    words: str


class BadEvidence(ValueError):
    """Leaves or a path that are not those of the manifest. The message says why."""


@dataclass(frozen=True)
class InclusionProof:
    """That a leaf is in the tree, for those who do not want to fetch all of them."""

    verdict: Verdict
    index: int
    path: tuple[bytes, ...]

    def members(self) -> dict[str, Any]:
        return {"verdict": self.verdict.shown, "index": self.index, "path": [part.hex() for part in self.path]}

    def write(self) -> bytes:
        return canonical_json.write(self.members())

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Raises ``BadEvidence``."""
        try:
            members = canonical_json.read(data.removesuffix(b"\n"))
            found = cls(
                Verdict[members["verdict"].upper()], members["index"], tuple(bytes.fromhex(part) for part in members["path"])
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadEvidence("not a proof of inclusion") from None
        if found.members() != members or type(found.index) is not int:
            raise BadEvidence("not a proof of inclusion")
        return found


def commitments_of(contents: Mapping[str, Any]) -> tuple[str, Summary]:
    """The election of a manifest and what it states of the commitments. Raises ``BadManifest``."""
    election_id = contents.get("electionId")
    if not isinstance(election_id, str):
        raise BadManifest("it names no election")
    try:
        return election_id, Summary.from_contents(contents.get("commitments"))
    except NotCommitments as error:
        raise BadManifest(str(error)) from None


def prove(receipt: Receipt, leaves: Leaves) -> InclusionProof | None:
    """The proof for a receipt's vote, ``None`` if it is not among the leaves. Of several leaves, for the one that counts.

    Raises ``BadLeaves``.
    """
    index = leaves.first(receipt.commitment())
    if index is None:
        return None
    return InclusionProof(leaves.verdict(index), index, tuple(leaves.path(index)))


def by_leaves(receipt: Receipt, leaves: Leaves, checked: Summary, election_id: str, stated: Summary) -> Result:
    """``checked`` is what ``Leaves.check`` gave; ``stated`` what the manifest of ``election_id`` says.

    Raises ``BadEvidence``.
    """
    require_same(checked, stated)
    if receipt.election_id != election_id:
        return _another_election(receipt, election_id)
    verdicts = leaves.verdicts(receipt.commitment())
    if not verdicts:
        return Result(
            Outcome.NOT_IN_THE_TREE,
            f"NOT IN THE TREE: the receipt is genuine, and none of the {len(leaves):,} votes of {election_id} is its own. This"
            " must not happen: keep the receipt, which proves that the vote was acknowledged, and show it to an auditor.",
        )
    return _result(verdicts[0], election_id, copies=len(verdicts) - 1)


def by_proof(receipt: Receipt, proof: InclusionProof, election_id: str, stated: Summary) -> Result:
    """That the vote counts needs no trust in who made the proof. That it does not, does: of a vote that was sent again, only all
    leaves show that none of its copies counts.

    Raises ``BadEvidence``.
    """
    if receipt.election_id != election_id:
        return _another_election(receipt, election_id)
    node = merkle.leaf_hash(commitments.leaf(receipt.commitment(), proof.verdict))
    try:
        root = merkle.root_by_path(node, proof.index, stated.leaves, proof.path)
    except WrongPath as error:
        raise BadEvidence(f"the proof is not one of this receipt and this manifest: {error}") from None
    if root != stated.root:
        raise BadEvidence("the proof is not one of this receipt and this manifest: it leads to another root")
    return _result(proof.verdict, election_id, copies=0)


def require_same(checked: Summary, stated: Summary) -> None:
    """Raises ``BadEvidence`` unless leaves are those of the manifest."""
    if checked != stated:
        raise BadEvidence(
            f"the leaves are not those of the manifest: {checked.leaves:,} with the root {checked.root.hex()},"
            f" it states {stated.leaves:,} with {stated.root.hex()}"
        )


def _another_election(receipt: Receipt, election_id: str) -> Result:
    return Result(
        Outcome.ANOTHER_ELECTION,
        f"ANOTHER ELECTION: the receipt is for {receipt.election_id}, the manifest for {election_id}.",
    )


def _result(verdict: Verdict, election_id: str, copies: int) -> Result:
    if verdict is Verdict.COUNTED:
        again = f" It stands in the log {copies + 1} times, since it was sent again, and counts once." if copies else ""
        return Result(Outcome.COUNTED, f"COUNTED: the vote of this receipt is in the log and counts in {election_id}.{again}")
    if verdict is Verdict.DUPLICATE:
        return Result(
            Outcome.DUPLICATE,
            f"DUPLICATE: the vote of this receipt is in the log and does not count in {election_id}: another vote of the same"
            " voter came before it and counts. GET /vote/{electionId} gives that one's receipt.",
        )
    return Result(
        Outcome.REJECTED,
        f"REJECTED: the vote of this receipt is in the log and does not count in {election_id}: {_WHY_REJECTED[verdict]}.",
    )
