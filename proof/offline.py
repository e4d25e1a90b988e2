"""The commands that need no running system: what a voter or an auditor does with files that were published.

With the standard library and ``cryptography`` alone, so that they can be run, and read, anywhere.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from proof import checking, keys, manifest, receipt
from proof.checking import BadEvidence, InclusionProof, Outcome, Result
from proof.keys import BadKeys, PublicKeys
from proof.leaves import BadLeaves, Leaves, Progress
from proof.manifest import BadManifest
from proof.receipt import NotAReceipt, NotGenuine

_PROGRESS_SECONDS = 2.0
_STATUSES = (
    "Exit status: 0 counted (without a manifest: genuine), 1 not genuine (a signature, leaves or a proof that do not belong"
    " together), 2 it could not be checked, 3 duplicate, 4 rejected, 5 not in the tree, 6 another election."
)


COMMANDS = ("verify-receipt", "verify-manifest", "prove")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m proof")
    add_commands(parser.add_subparsers(required=True))
    options = parser.parse_args(arguments)
    return int(options.run(options))


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "verify-receipt",
        help="what became of the vote with this receipt?",
        description="Tells whether a receipt is genuine and, by the manifest of its election, what became of its vote."
        f" Needs no running system. {_STATUSES}",
    )
    command.add_argument("receipt", type=Path, metavar="RECEIPT", help="the receipt as the voting API gave it (JSON)")
    command.add_argument(
        "--receipt-keys",
        type=Path,
        required=True,
        metavar="FILE",
        help="the keys of receipts (GET /receipt-keys of the voting API)",
    )
    command.add_argument("--manifest", type=Path, metavar="FILE", help="the manifest of the election, published after the seal")
    command.add_argument("--manifest-keys", type=Path, metavar="FILE", help="the keys of manifests (JWKS)")
    evidence = command.add_mutually_exclusive_group()
    evidence.add_argument("--leaves", type=Path, metavar="FILE", help="the published leaves; all of them are checked")
    evidence.add_argument("--proof", type=Path, metavar="FILE", help="in place of them, a proof for this receipt")
    command.set_defaults(run=_verify_receipt)

    command = commands.add_parser(
        "verify-manifest",
        help="is this manifest genuine, and are these its leaves?",
        description="Tells whether a manifest is genuine, prints what it states and, with the leaves, checks these by it. Needs"
        " no running system. Exit status: 0 genuine, 1 not genuine, 2 it could not be checked.",
    )
    command.add_argument("manifest", type=Path, metavar="MANIFEST")
    command.add_argument("--manifest-keys", type=Path, required=True, metavar="FILE", help="the keys of manifests (JWKS)")
    command.add_argument("--leaves", type=Path, metavar="FILE", help="the published leaves; all of them are checked")
    command.set_defaults(run=_verify_manifest)

    command = commands.add_parser(
        "prove",
        help="make a proof for one receipt out of the leaves",
        description="Prints a proof that the vote of a receipt is among the leaves, for verify-receipt --proof. Exit status: 0 it"
        " is, 2 it could not be made, 5 it is not.",
    )
    command.add_argument("receipt", type=Path, metavar="RECEIPT", help="the receipt as the voting API gave it (JSON)")
    command.add_argument("--leaves", type=Path, required=True, metavar="FILE", help="the published leaves")
    command.set_defaults(run=_prove)


def _verify_receipt(options: argparse.Namespace) -> int:
    return _told(lambda: _check_receipt(options))


def _check_receipt(options: argparse.Namespace) -> Result:
    if (options.manifest is None) != (options.manifest_keys is None):
        raise _Unusable("--manifest and --manifest-keys go together")
    if (options.manifest is None) != (options.leaves is None and options.proof is None):
        raise _Unusable("--manifest needs --leaves or --proof, and they need it")
    shown = receipt.read(_bytes(options.receipt))
    receipt.verify(shown, _keys(options.receipt_keys))
    if options.manifest is None:
        return Result(
            Outcome.GENUINE,
            f"GENUINE: {shown.election_id} acknowledged the vote of this receipt. Whether it counts, the manifest tells after the"
            " seal.",
        )
    contents = manifest.verify(_bytes(options.manifest), _keys(options.manifest_keys))
    election_id, stated = checking.commitments_of(contents)
    if options.proof is not None:
        return checking.by_proof(shown, InclusionProof.read(_bytes(options.proof)), election_id, stated)
    leaves = _leaves(options.leaves)
    return checking.by_leaves(shown, leaves, leaves.check(progress("leaves")), election_id, stated)


def _verify_manifest(options: argparse.Namespace) -> int:
    def check() -> Result:
        contents = manifest.verify(_bytes(options.manifest), _keys(options.manifest_keys))
        checked = ""
        if options.leaves is not None:
            leaves = _leaves(options.leaves)
            checking.require_same(leaves.check(progress("leaves")), checking.commitments_of(contents)[1])
            checked = f" These are its {len(leaves):,} leaves."
        shown = json.dumps(contents, indent=2, ensure_ascii=False)
        return Result(Outcome.GENUINE, f"{shown}\nGENUINE: one of the keys signed this manifest.{checked}")

    return _told(check)


def _prove(options: argparse.Namespace) -> int:
    def prove() -> Result:
        shown = receipt.read(_bytes(options.receipt))
        found = checking.prove(shown, _leaves(options.leaves))
        if found is None:
            return Result(Outcome.NOT_IN_THE_TREE, "NOT IN THE TREE: the vote of this receipt is not among these leaves.")
        return Result(Outcome.GENUINE, found.write().decode())

    return _told(prove)


class _Unusable(Exception):
    """The arguments or a file cannot be used; the message says which."""


def _told(check: Callable[[], Result]) -> int:
    try:
        result = check()
    except (NotGenuine, BadManifest, BadEvidence, BadLeaves) as error:
        what = {NotGenuine: "receipt", BadManifest: "manifest"}.get(type(error), "evidence")
        result = Result(Outcome.NOT_GENUINE, f"NOT GENUINE: the {what} is not to be believed: {error}.")
    except (_Unusable, NotAReceipt, BadKeys) as error:
        result = Result(Outcome.COULD_NOT_CHECK, f"COULD NOT CHECK: {error}.")
    print(result.words, file=sys.stderr if result.outcome is Outcome.COULD_NOT_CHECK else sys.stdout)
    return result.outcome


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _Unusable(f"{file}: {error.strerror}") from error


def _keys(file: Path) -> PublicKeys:
    try:
        return keys.read_jwks(_bytes(file))
    except BadKeys as error:
        raise _Unusable(f"{file}: {error}") from error


def _leaves(file: Path) -> Leaves:
    try:
        return Leaves(file)
    except OSError as error:
        raise _Unusable(f"{file}: {error.strerror}") from error


def progress(what: str) -> Progress:
    """Lines on standard error, for whoever waits: none for what is done at once."""
    last = time.monotonic()

    def show(done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS:
            last = now
            print(f"{what}: {done:,} of {of:,}", file=sys.stderr, flush=True)

    return show
