"""``python -m proof recount``: what is told of a recount, its reports, and the repair on request."""

import argparse
import json
import sys
from pathlib import Path

from proof import manifest as manifests
from proof import recount, repair
from proof.audit import CouldNotCheck
from proof.recount import Recount
from proof.settings import Settings

AGREE, DISAGREE = 0, 1


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Raises ``CouldNotCheck``."""
    if options.manifests is not None and settings.signing_key is None:
        raise CouldNotCheck("a manifest is signed, and PROOF_SIGNING_KEY is not set")
    found = recount.run(settings, options.election, options.wait, options.parallelism)
    elections = [options.election] if options.election is not None else found.elections()
    recount.record(settings, found, elections)
    for election_id in elections:
        print(json.dumps(recount.manifest(found, election_id), indent=2) if options.json else text(found, election_id))
        if options.manifests is not None:
            _write(settings, options.manifests, found, election_id)
    if all(found.agrees(election_id) for election_id in elections):
        return AGREE
    if options.repair:
        _repair(settings, found, elections)
    return DISAGREE


def _repair(settings: Settings, found: Recount, elections: list[str]) -> None:
    """What it mended is shown by the next recount, not claimed by this one."""
    for election_id in elections:
        if found.agrees(election_id):
            continue
        try:
            done = repair.run(settings, found, election_id)
        except repair.NotRepairable as error:
            print(f"{election_id}: not repaired: {error}", file=sys.stderr)
            continue
        for line in done or ["nothing that a repair could change"]:
            print(f"{election_id}: repaired: {line}")
    print("Recount again to see whether all agree now.")


def _write(settings: Settings, folder: Path, found: Recount, election_id: str) -> None:
    if settings.signing_key is None:
        return
    file = folder / f"recount-{election_id}-{found.report_id}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(manifests.sign(recount.manifest(found, election_id), settings.signing_key))
    except OSError as error:
        raise CouldNotCheck(f"the manifest cannot be written: {error}") from error
    print(f"manifest: {file}", file=sys.stderr)


def text(found: Recount, election_id: str) -> str:
    """The counts beside what the projections have, what differs, and the verdict."""
    report = recount.manifest(found, election_id)
    counts, aurora, totals = report["counts"], report["auroraTotals"], report["redisTotals"]
    lines = [f"{election_id}: recount {report['reportId']}"]
    for candidate_id in sorted({*counts, *aurora, *totals}):
        recounted, in_aurora, in_redis = (each.get(candidate_id, 0) for each in (counts, aurora, totals))
        lines.append(f"  {candidate_id:<20} {recounted:>14,}   Aurora {in_aurora:,}, Redis {in_redis:,}")
    lines.append("  " + ", ".join(f"{outcome} {votes:,}" for outcome, votes in report["outcomes"].items()))
    lines.append(f"  votes-accepted {report['votesAccepted']:,}, votes_ledger {report['ledgerRows']:,}")
    lines += [f"  {each['kind']}: {each['count']:,}" for each in report["discrepancies"]]
    lines += [f"    {each['text']}" for each in report["findings"]]
    verdict = "AGREE: log, votes-accepted, ledger, totals and Redis say the same." if report["agrees"] else "DISAGREE"
    return "\n".join([*lines, f"  {verdict}"])
