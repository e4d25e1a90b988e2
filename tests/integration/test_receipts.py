"""Receipts of the running system: genuine by the published keys, through a rotation, and after the seal against the whole log."""

import json
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.electorate import Mint, subjects
from compose.settings import CHECKOUT, Stack
from ingress.receipt import Receipt, ReceiptSigner
from proof import keys
from proof.checking import Outcome
from tests.integration.another_ingress import another_ingress
from tests.integration.log_of_votes import VotesIn
from tests.integration.organiser import Organiser, wait_until_shown

VERSION = 1


@dataclass(frozen=True)
class Folder:
    """What a voter has saved, and the commands that are run there: with no address of any system in their environment."""

    path: Path
    python: str

    def save(self, name: str, content: Any) -> str:
        (self.path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return name

    def proof(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-m", "proof", *arguments],
            cwd=self.path,
            env={"PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            check=False,
        )

    def verify(self, receipt: Any, *evidence: str) -> subprocess.CompletedProcess[str]:
        return self.proof("verify-receipt", self.save("receipt.json", receipt), "--receipt-keys", "receipt-keys.json", *evidence)


@pytest.fixture
def folder(tmp_path: Path, api: httpx.Client, environment: dict[str, str]) -> Folder:
    made = Folder(tmp_path, environment["PYTHON"])
    made.save("receipt-keys.json", api.get("/receipt-keys").text)
    return made


@pytest.fixture(scope="module")
def election(stack: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    election_id = Organiser(environment, tmp_path_factory.mktemp("elections")).create("receipts")
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as client:
        wait_until_shown(client, election_id)
    return election_id


class Voter:
    def __init__(self, mint: Mint, election_id: str) -> None:
        (self.sub,) = subjects(1)
        self._election_id = election_id
        self._headers = {"Authorization": f"Bearer {mint.token(self.sub, time.time())}"}

    def vote(self, api: httpx.Client, candidate_id: str = "alice") -> httpx.Response:
        return api.post("/vote", json={"electionId": self._election_id, "candidateId": candidate_id}, headers=self._headers)

    def own(self, api: httpx.Client) -> dict[str, Any]:
        receipt: dict[str, Any] = api.get(f"/vote/{self._election_id}", headers=self._headers).json()["receipt"]
        return receipt


def test_every_answer_with_a_receipt_has_the_same_genuine_one(
    api: httpx.Client, mint: Mint, election: str, folder: Folder
) -> None:
    voter = Voter(mint, election)
    accepted = voter.vote(api)
    assert accepted.status_code == 202
    receipt = accepted.json()["receipt"]
    again = voter.vote(api, "bob")
    assert again.status_code == 409
    assert again.json()["receipt"] == voter.own(api) == receipt
    done = folder.verify(receipt)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"GENUINE: {election} acknowledged the vote")


@pytest.mark.parametrize("member", ["voteId", "electionId", "castAt", "signature", "keyId"])
def test_a_receipt_with_another_member_is_refused(
    api: httpx.Client, mint: Mint, election: str, folder: Folder, member: str
) -> None:
    receipt, other = (Voter(mint, election).vote(api).json()["receipt"] for _ in range(2))
    other |= {"electionId": "another", "castAt": "2025-01-01T00:00:00Z", "keyId": receipt["keyId"][::-1]}
    done = folder.verify(receipt | {member: other[member]})
    assert done.returncode == Outcome.NOT_GENUINE, done.stdout + done.stderr


def test_after_a_rotation_old_and_new_receipts_are_genuine(
    stack: Stack, environment: dict[str, str], api: httpx.Client, mint: Mint, election: str, folder: Folder
) -> None:
    voter = Voter(mint, election)
    before = voter.vote(api).json()["receipt"]
    [former] = api.get("/receipt-keys").json()["keys"]
    published = folder.path / folder.save("published.json", {"keys": [former | {"exp": int(time.time()) + 1}]})
    rotated = {"RECEIPT_SIGNING_KEY": secrets.token_hex(32), "RECEIPT_KEYS_FILE": str(published)}
    with (
        another_ingress(environment, folder.path, **rotated) as ingress,
        httpx.Client(base_url=ingress.url, timeout=30.0, trust_env=False) as new,
    ):
        after = voter.own(new)
        fresh = Voter(mint, election).vote(new).json()["receipt"]
        folder.save("receipt-keys.json", new.get("/receipt-keys").text)
    assert after["voteId"] == before["voteId"]
    assert before["keyId"] == former["kid"] != after["keyId"] == fresh["keyId"]
    for receipt in (before, after, fresh):
        done = folder.verify(receipt)
        assert done.returncode == 0, done.stdout + done.stderr
    later = Receipt(before["voteId"], election, (int(time.time()) + 60) * 1000)
    forged = ReceiptSigner(keys.private_key(stack.secrets["RECEIPT_SIGNING_KEY"])).members(later)
    done = folder.verify(forged)
    assert done.returncode == Outcome.NOT_GENUINE
    assert "after its key had been retired" in done.stdout


def test_after_the_seal_every_receipt_tells_what_became_of_its_vote(
    stack: Stack,
    environment: dict[str, str],
    api: httpx.Client,
    mint: Mint,
    folder: Folder,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    organiser = Organiser(environment, tmp_path_factory.mktemp("elections"))
    election = organiser.create("sealed")
    wait_until_shown(api, election)
    voters = [Voter(mint, election) for _ in range(5)]
    receipts = [voter.vote(api).json()["receipt"] for voter in voters]
    # Votes that no ingress would take, each with the receipt that one would have given.
    past = VotesIn(stack, election, VERSION)
    signer = ReceiptSigner(keys.private_key(stack.secrets["RECEIPT_SIGNING_KEY"]))

    def receipt_of(vote_id: str) -> dict[str, str]:
        return signer.members(Receipt(vote_id, election, int(time.time() * 1000)))

    duplicate = receipt_of(past.vote(voters[0].sub, "bob"))
    (stranger,) = subjects(1)
    rejected = receipt_of(past.vote(stranger, "mallory"))
    lost = receipt_of("00000000-0000-4000-8000-000000000000")

    command = [folder.python, "-m", "proof", "commit", election, "--out", str(folder.path)]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["verdicts"]
    assert {name: count for name, count in counts.items() if count} == {"counted": 5, "duplicate": 1, "unknown_candidate": 1}
    VotesIn(stack, election, VERSION).vote(subjects(1)[0], "alice")  # after what the manifest covers
    (folder.path / "again").mkdir()
    command += ["--out", str(folder.path / "again"), "--offsets-of", str(folder.path / "manifest.json")]
    subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, check=True)
    for name in ("leaves.bin", "manifest.json"):
        assert (folder.path / "again" / name).read_bytes() == (folder.path / name).read_bytes()
    command = [folder.python, "-m", "proof", "public-keys"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    folder.save("manifest-keys.json", done.stdout)

    by_manifest = ("--manifest", "manifest.json", "--manifest-keys", "manifest-keys.json")
    for receipt, outcome in [
        *((receipt, Outcome.COUNTED) for receipt in receipts),
        (duplicate, Outcome.DUPLICATE),
        (rejected, Outcome.REJECTED),
        (lost, Outcome.NOT_IN_THE_TREE),
    ]:
        done = folder.verify(receipt, *by_manifest, "--leaves", "leaves.bin")
        assert done.returncode == outcome, done.stdout + done.stderr
        assert done.stdout.startswith(outcome.name.replace("_", " "))
        proved = folder.proof("prove", "receipt.json", "--leaves", "leaves.bin")
        assert proved.returncode == (outcome if outcome is Outcome.NOT_IN_THE_TREE else 0)
        if outcome is not Outcome.NOT_IN_THE_TREE:
            folder.save("proof.json", proved.stdout)
            assert folder.verify(receipt, *by_manifest, "--proof", "proof.json").returncode == outcome
    done = folder.proof("verify-manifest", *by_manifest[1:], "--leaves", "leaves.bin")
    assert done.returncode == 0, done.stdout + done.stderr
    published = (folder.path / "leaves.bin").read_bytes() + (folder.path / "manifest.json").read_bytes()
    for told in (*(voter.sub for voter in voters), *(receipt["voteId"] for receipt in receipts), "alice", "bob"):
        assert told.encode() not in published
