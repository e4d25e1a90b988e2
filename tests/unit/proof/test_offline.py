"""The voters' and auditors' command: each outcome has its words and its exit status."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compose.settings import CHECKOUT
from proof import canonical_json, checking, commit, keys, manifest, receipt
from proof.__main__ import main
from proof.checking import BadEvidence, InclusionProof, Outcome
from proof.commitments import Verdict, commitment, leaf
from proof.keys import PublicKey, key_id
from proof.leaves import Sorter
from proof.log import Range
from tests.unit.proof.test_receipt import ELECTION, KEY, signed, written

SEAL = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
VOTES = {
    "counted": [Verdict.COUNTED],
    "sent-again": [Verdict.DUPLICATE, Verdict.COUNTED, Verdict.DUPLICATE],
    "duplicate": [Verdict.DUPLICATE],
    **{verdict.shown.replace("_", "-"): [verdict] for verdict in Verdict if verdict > Verdict.DUPLICATE},
    **{f"other-{number}": [Verdict.COUNTED] for number in range(40)},
}


@dataclass(frozen=True)
class Published:
    """What is there after a seal, and a voter's folder."""

    folder: Path

    def receipt(self, vote_id: str, election_id: str = ELECTION) -> str:
        return self.file(f"receipt-{vote_id}-of-{election_id}", written(signed(election_id, vote_id)))

    def file(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def verify(self, receipt: str, evidence: str = "--leaves", file: str = "leaves.bin") -> int:
        command = ["verify-receipt", receipt, "--receipt-keys", self.path("receipt-keys.json"), evidence, self.path(file)]
        command += ["--manifest", self.path("manifest.json"), "--manifest-keys", self.path("manifest-keys.json")]
        return main(command)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    with Sorter(tmp_path / "leaves.bin") as sorter:
        for vote_id, verdicts in VOTES.items():
            for verdict in verdicts:
                sorter.add(leaf(commitment(ELECTION, vote_id), verdict))
        summary = sorter.finish(lambda _done, _of: None)
    there = Published(tmp_path)
    there.file("manifest.json", manifest.sign(commit.contents(ELECTION, {0: Range(0, summary.leaves)}, summary), SEAL) + b"\n")
    there.file("manifest-keys.json", written({"keys": [keys.jwk(SEAL.public_key())]}))
    there.file("receipt-keys.json", written({"keys": [keys.jwk(KEY.public_key())]}))
    return there


OUTCOMES = [
    ("counted", Outcome.COUNTED, "COUNTED: the vote of this receipt is in the log and counts in election-2025-01."),
    ("sent-again", Outcome.COUNTED, "It stands in the log 3 times, since it was sent again, and counts once."),
    ("duplicate", Outcome.DUPLICATE, "another vote of the same voter came before it"),
    ("unknown-election", Outcome.REJECTED, "version of the election that there is not"),
    ("unknown-candidate", Outcome.REJECTED, "somebody who does not stand"),
    ("election-not-open", Outcome.REJECTED, "did not take votes when it came"),
    ("wrong-jurisdiction", Outcome.REJECTED, "other jurisdictions"),
    ("dead-letter", Outcome.REJECTED, "not as it must be"),
]


@pytest.mark.parametrize(("vote_id", "outcome", "words"), OUTCOMES)
def test_every_verdict_has_its_words(
    published: Published, capsys: pytest.CaptureFixture[str], vote_id: str, outcome: Outcome, words: str
) -> None:
    assert published.verify(published.receipt(vote_id)) == outcome
    told = capsys.readouterr().out
    assert told.startswith(outcome.name)
    assert words in told


@pytest.mark.parametrize(("vote_id", "outcome", "words"), OUTCOMES)
def test_a_proof_tells_the_same_without_the_leaves(
    published: Published, capsys: pytest.CaptureFixture[str], vote_id: str, outcome: Outcome, words: str
) -> None:
    receipt = published.receipt(vote_id)
    assert main(["prove", receipt, "--leaves", published.path("leaves.bin")]) == 0
    published.file("proof.json", capsys.readouterr().out.encode())
    assert published.verify(receipt, "--proof", "proof.json") == outcome
    assert capsys.readouterr().out.startswith(outcome.name)
    assert words


def test_a_vote_that_was_lost_shows(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    lost = published.receipt("lost")
    assert published.verify(lost) == Outcome.NOT_IN_THE_TREE
    assert "proves that the vote was acknowledged" in capsys.readouterr().out
    assert main(["prove", lost, "--leaves", published.path("leaves.bin")]) == Outcome.NOT_IN_THE_TREE


def test_a_receipt_of_another_election_is_named(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    other = published.receipt("counted", "election-2029-01")
    assert published.verify(other) == Outcome.ANOTHER_ELECTION
    assert "the receipt is for election-2029-01, the manifest for election-2025-01" in capsys.readouterr().out
    main(["prove", published.receipt("counted"), "--leaves", published.path("leaves.bin")])
    published.file("proof.json", capsys.readouterr().out.encode())
    assert published.verify(other, "--proof", "proof.json") == Outcome.ANOTHER_ELECTION


def test_a_forged_receipt_is_refused(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    forged = published.file("forged.json", written(signed(vote_id="mine") | {"voteId": "counted"}))
    assert published.verify(forged) == Outcome.NOT_GENUINE
    assert (
        capsys.readouterr().out == "NOT GENUINE: the receipt is not to be believed: the signature is not that of what it says.\n"
    )


def test_a_manifest_or_leaves_that_were_changed_are_refused(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    counted = published.receipt("counted")
    for name, words in (
        ("manifest.json", "the manifest is not to be believed"),
        ("leaves.bin", "the evidence is not to be believed"),
    ):
        original = Path(published.path(name)).read_bytes()
        for place in range(0, len(original) - 1, 101):
            changed = bytearray(original)
            changed[place] ^= 1
            published.file(name, bytes(changed))
            assert published.verify(counted) == Outcome.NOT_GENUINE
            assert words in capsys.readouterr().out
        published.file(name, original)
    assert published.verify(counted) == Outcome.COUNTED


def test_leaves_that_were_cut_or_made_longer_are_refused(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    counted, original = published.receipt("counted"), Path(published.path("leaves.bin")).read_bytes()
    for changed in (original[:-1], original[:-33], original + b"\xff" * 32 + b"\x01", b"", original * 2):
        published.file("leaves.bin", changed)
        assert published.verify(counted) == Outcome.NOT_GENUINE
    capsys.readouterr()


def test_one_changed_bit_of_a_proof_is_refused(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    counted = published.receipt("counted")
    main(["prove", counted, "--leaves", published.path("leaves.bin")])
    proof = capsys.readouterr().out.rstrip("\n").encode()
    contents = manifest.verify(
        Path(published.path("manifest.json")).read_bytes(), {key_id(SEAL.public_key()): PublicKey(SEAL.public_key())}
    )
    election_id, stated = checking.commitments_of(contents)
    shown = receipt.read(Path(counted).read_bytes())
    assert checking.by_proof(shown, InclusionProof.read(proof), election_id, stated).outcome is Outcome.COUNTED
    for place in range(len(proof)):
        for bit in range(8):
            changed = bytearray(proof)
            changed[place] ^= 1 << bit
            with pytest.raises(BadEvidence):
                checking.by_proof(shown, InclusionProof.read(bytes(changed)), election_id, stated)


def test_the_proof_of_another_vote_does_not_serve(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    main(["prove", published.receipt("counted"), "--leaves", published.path("leaves.bin")])
    published.file("proof.json", capsys.readouterr().out.encode())
    for vote_id in ("duplicate", "other-1", "lost"):
        assert published.verify(published.receipt(vote_id), "--proof", "proof.json") == Outcome.NOT_GENUINE
    assert "leads to another root" in capsys.readouterr().out


@pytest.mark.parametrize(
    "proof",
    [b"", b"{}", b"[]", b"[" * 100_000, b'{"index":0,"path":[],"verdict":"won"}', b'{"index":true,"path":[],"verdict":"counted"}',
     b'{"index":0,"path":["zz"],"verdict":"counted"}', b'{"index":-1,"path":[],"verdict":"counted"}',
     b'{"index":0,"path":[],"verdict":"COUNTED"}', b'{"index":0,"path":[],"verdict":"counted","voter":"x"}',
     b'{"index":9007199254740991,"path":[],"verdict":"counted"}'],
    ids=lambda data: str(data[:40]),
)  # fmt: skip
def test_a_hostile_proof_is_refused(published: Published, capsys: pytest.CaptureFixture[str], proof: bytes) -> None:
    published.file("proof.json", proof)
    assert published.verify(published.receipt("counted"), "--proof", "proof.json") == Outcome.NOT_GENUINE
    assert capsys.readouterr().out.startswith("NOT GENUINE: the evidence")


@pytest.mark.parametrize("commitments", [None, {}, {"format": "voting commitment v9"}])
def test_a_manifest_that_says_nothing_of_commitments_is_no_evidence(published: Published, commitments: object) -> None:
    published.file("manifest.json", manifest.sign({"electionId": ELECTION, "commitments": commitments}, SEAL))
    assert published.verify(published.receipt("counted")) == Outcome.NOT_GENUINE


def test_leaves_with_a_verdict_that_there_is_not_prove_nothing(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    published.file("leaves.bin", commitment(ELECTION, "counted") + b"\x09")
    assert main(["prove", published.receipt("counted"), "--leaves", published.path("leaves.bin")]) == Outcome.NOT_GENUINE
    assert "a verdict that there is not" in capsys.readouterr().out


def test_keys_of_receipts_are_none_of_manifests(published: Published) -> None:
    contents = json.loads(Path(published.path("manifest.json")).read_bytes())["contents"]
    published.file("manifest.json", manifest.sign(contents, KEY))
    assert published.verify(published.receipt("counted")) == Outcome.NOT_GENUINE


def test_without_a_manifest_only_the_signature_is_told(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    alone = ["verify-receipt", "--receipt-keys", published.path("receipt-keys.json")]
    assert main([*alone, published.receipt("lost")]) == 0
    assert capsys.readouterr().out.startswith("GENUINE")
    forged = published.file("forged.json", written(signed(vote_id="mine") | {"voteId": "counted"}))
    assert main([*alone, forged]) == Outcome.NOT_GENUINE


def test_a_manifest_is_shown_and_its_leaves_are_checked(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify-manifest", published.path("manifest.json"), "--manifest-keys", published.path("manifest-keys.json")]
    assert main(command) == 0
    shown, _, words = capsys.readouterr().out.rpartition("\nGENUINE")
    assert json.loads(shown)["electionId"] == ELECTION
    assert words == ": one of the keys signed this manifest.\n"
    assert main([*command, "--leaves", published.path("leaves.bin")]) == 0
    assert f"These are its {sum(map(len, VOTES.values()))} leaves." in capsys.readouterr().out
    published.file("leaves.bin", b"")
    assert main([*command, "--leaves", published.path("leaves.bin")]) == Outcome.NOT_GENUINE
    published.file("manifest.json", canonical_json.write({"contents": {}, "keyId": "", "signature": ""}))
    assert main(command) == Outcome.NOT_GENUINE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("missing.json --receipt-keys receipt-keys.json", "No such file"),
        ("manifest.json --receipt-keys receipt-keys.json", "a receipt has the members"),
        ("receipt --receipt-keys leaves.bin", "leaves.bin: not a set of public keys"),
        ("receipt --receipt-keys receipt-keys.json --manifest manifest.json", "go together"),
        ("receipt --receipt-keys receipt-keys.json --leaves leaves.bin", "they need it"),
        (
            "receipt --receipt-keys receipt-keys.json --manifest manifest.json --manifest-keys manifest-keys.json --leaves none",
            "none: No such file",
        ),
    ],
)
def test_what_cannot_be_used_is_named(
    published: Published,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    words: str,
) -> None:
    published.file("receipt", written(signed(vote_id="counted")))
    monkeypatch.chdir(published.folder)
    assert main(["verify-receipt", *arguments.split()]) == Outcome.COULD_NOT_CHECK
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""


def test_it_needs_nothing_but_the_standard_library_and_cryptography(published: Published) -> None:
    allowed = {"proof", "schemas", "cryptography", "_cffi_backend", "cffi", "runpy"}
    program = (
        "import runpy, sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] not in sys.stdlib_module_names | {allowed!r}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "sys.argv[0] = 'proof'\n"
        "runpy.run_module('proof', run_name='__main__', alter_sys=True)\n"
    )
    command = ["verify-receipt", published.receipt("counted"), "--receipt-keys", published.path("receipt-keys.json")]
    command += ["--manifest", published.path("manifest.json"), "--manifest-keys", published.path("manifest-keys.json")]
    command += ["--leaves", published.path("leaves.bin")]
    done = subprocess.run([sys.executable, "-c", program, *command], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("COUNTED")
    audit = subprocess.run([sys.executable, "-c", program, "audit"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "ImportError" in audit.stderr
