"""The way of a vote, walked with real requests and shown step by step: ``make demo``.

Safe to repeat on a running system: each run registers a new voter and adds new ones; what is compared in the end is everything
that was ever cast, and that every vote acknowledged in this run is counted once. A discrepancy that was there before the run (a
record written past the ingress, say) is told, and is not held against it.
"""

import asyncio
import itertools
import json
import os
import random
import secrets
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from confluent_kafka import Producer

from compose import electorate
from compose.electorate import Attempt, Mint, Tally
from compose.settings import CHECKOUT, Stack
from compose.voter_browser import Client, VoterBrowser, WalkFailed, claims_of
from proof import claims as proof_claims
from proof import keys as proof_keys
from proof import receipt as proof_receipt
from proof.settings import Settings as ProofSettings
from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry

Step = Callable[[str], None]

ELECTION = "election-2025-01"
CANDIDATES = ("alice", "bob", "carol")
# One voter in so many tries a second time, for somebody else.
TWICE_EVERY = 10
# So many votes are written a second time past the ingress, as a faulty or hostile one would: dedup has to refuse them.
SMUGGLED = 25
# A vote shows within three seconds; on a machine that is busy with everything at once it may be more.
SHOWN_WITHIN_SECONDS = 30.0
AUDIT_WITHIN_SECONDS = 60.0
# Projections lag by a second or two: what stands still for as long is no lag.
AUDIT_PAUSE_SECONDS = 3.0


@dataclass(frozen=True)
class Audit:
    """What ``proof audit`` says: figures by name, numbers of discrepancies by kind."""

    figures: dict[str, int]
    found: Counter[str]


class DemoFailed(Exception):
    """A step did not end as it must; the message says which."""


def run(stack: Stack, voters: int) -> int:
    """Walk the way of a vote on a running stack, printing each step. Returns the exit status."""
    steps = itertools.count(1)

    def step(text: str) -> None:
        print(f"\n{next(steps)}. {text}", flush=True)

    try:
        before = _audit(stack)
        if before.found:
            print(f"\nThe audit disagrees before this run begins: {dict(before.found)} (see: make audit)", flush=True)
        with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as api:
            first = _first_voter(stack, api, step)
        told = _many_voters(stack, step, voters)
        smuggled = _smuggle(stack, step, told)
        _compare(stack, step, before, [first, *told.accepted], len(told.refused) + 1, smuggled)
    except (DemoFailed, WalkFailed, electorate.KeyImportFailed, httpx.TransportError) as error:
        print(f"\ndemo: {error}\ndemo: the logs are in {stack.log_dir}", file=sys.stderr)
        return 1
    _addresses(stack)
    return 0


def _first_voter(stack: Stack, api: httpx.Client, step: Step) -> tuple[str, str]:
    """One voter, all the way. Returns the subject and the id of the vote."""
    email, password = f"voter-{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(18)
    step(f"A voter registers with Kratos and signs in: {stack.url('IDENTITY_PORT')}")
    client = Client(
        issuer=stack.url("HYDRA_PUBLIC_PORT"),
        redirect_uri=f"{stack.url('WEB_PORT')}/post-login",
        secret=stack.secrets["VOTER_APP_CLIENT_SECRET"],
    )
    with VoterBrowser(client) as browser:
        tokens = browser.register(email, password)
    claims = claims_of(tokens.access_token)
    _show("registered", f"{email}, identity {claims['sub']}")
    _show("token", "OAuth2 code flow of client voter-app through the login and consent app, redeemed at Hydra")
    _show("claims", json.dumps({name: claims.get(name) for name in ("iss", "aud", "client_id", "scp", "eligible")}))

    vote = {"electionId": ELECTION, "candidateId": "alice"}
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    step(f"The voter votes: POST {stack.url('INGRESS_PORT')}/vote {json.dumps(vote)}")
    before = _counts(api)
    cast = time.monotonic()
    answer = api.post("/vote", json=vote, headers=headers)
    _expect(answer, 202)

    step("The same again")
    again = api.post("/vote", json=vote, headers=headers)
    _expect(again, 409)
    receipt = answer.json()["receipt"]
    if again.json().get("receipt") != receipt:
        raise DemoFailed("the refusal does not carry the receipt of the first vote")
    _check_receipt(api, receipt)

    step(f"The result: GET {stack.url('INGRESS_PORT')}/votes/{ELECTION}")
    while (counts := _counts(api))["alice"] <= before["alice"]:
        if time.monotonic() - cast > SHOWN_WITHIN_SECONDS:
            raise DemoFailed(f"the vote does not show after {SHOWN_WITHIN_SECONDS:.0f} s")
        time.sleep(0.05)
    _show("shown after", f"{time.monotonic() - cast:.1f} s: {json.dumps(counts)} (before: {json.dumps(before)})")
    return claims["sub"], receipt["voteId"]


def _check_receipt(api: httpx.Client, receipt: dict[str, str]) -> None:
    """As ``python -m proof verify-receipt`` does. After the seal it tells what became of the vote as well (docs/receipts.md)."""
    answer = api.get("/receipt-keys")
    _expect(answer, 200)
    try:
        proof_receipt.verify(proof_receipt.read(json.dumps(receipt).encode()), proof_keys.read_jwks(answer.content))
    except (proof_receipt.NotAReceipt, proof_receipt.NotGenuine, proof_keys.BadKeys) as error:
        raise DemoFailed(f"the receipt is not genuine: {error}") from error
    _show("receipt", "genuine: signed with a key of GET /receipt-keys")


def _many_voters(stack: Stack, step: Step, voters: int) -> Tally:
    step(f"{voters} voters vote, one in {TWICE_EVERY} of them twice (tokens signed with a test key that Hydra publishes)")
    mint = electorate.mint(stack.data_dir / "test-voters-key.json", stack.url("HYDRA_ADMIN_PORT"), stack.url("HYDRA_PUBLIC_PORT"))
    told = asyncio.run(
        electorate.cast_all(
            _attempts(mint, voters),
            stack.url("INGRESS_PORT"),
            ELECTION,
            lambda so_far, seconds: _show(f"{seconds:.0f} s", f"{so_far.answered} answers"),
        )
    )
    twice = -(-voters // TWICE_EVERY)
    _show("answers", f"{len(told.accepted)} × 202, {len(told.refused)} × 409, others: {dict(told.other) or 'none'}")
    if (len(told.accepted), len(told.refused), told.other.total()) != (voters, twice, 0):
        raise DemoFailed(f"expected {voters} × 202 and {twice} × 409")
    accepted = dict(told.accepted)
    if any(accepted[sub] != vote_id for sub, vote_id in told.refused):
        raise DemoFailed("a refusal carries another receipt than the voter's own")
    return told


def _attempts(mint: Mint, voters: int) -> Iterator[Attempt]:
    """Every voter once, and some a second time, a while after the first."""
    pending: list[Attempt] = []
    for number, sub in enumerate(electorate.subjects(voters)):
        token = mint.token(sub, time.time())
        candidate = random.choices(CANDIDATES, weights=(5, 3, 2))[0]  # noqa: S311 (nothing depends on it)
        yield Attempt(sub, candidate, token)
        if number % TWICE_EVERY == 0:
            pending.append(Attempt(sub, CANDIDATES[CANDIDATES.index(candidate) - 1], token))
    yield from pending


def _smuggle(stack: Stack, step: Step, told: Tally) -> int:
    """Write second votes of some voters straight into the log, each for another candidate under a new vote id."""
    subs = [sub for sub, _ in told.accepted[:SMUGGLED]]
    election = httpx.get(f"{stack.url('INGRESS_PORT')}/elections/{ELECTION}")
    _check(election, 200)
    version = election.json()["version"]
    step(f"{len(subs)} of them get a second vote into the log itself, past the ingress, as a faulty one would put it there")
    environment = stack.environment()
    with Registry(environment["SCHEMA_REGISTRY_URL"]) as registry:
        schema = avro.latest("votes-in")
        encode = avro.encoder(schema, registry.id_of(schema))
    producer = Producer({"bootstrap.servers": environment["KAFKA_BOOTSTRAP_SERVERS"], "partitioner": "murmur2_random"})
    for sub in subs:
        vote = {
            "vote_id": str(uuid.uuid4()),
            "election_id": ELECTION,
            "voter_sub": sub,
            "candidate_id": "carol",
            "cast_at": datetime.now(UTC),
            "catalogue_version": version,
        }
        producer.produce("votes-in", key=vote_key(ELECTION, sub), value=encode(vote))
    if producer.flush(SHOWN_WITHIN_SECONDS):
        raise DemoFailed("Kafka did not take the second votes")
    _show("written", f"{len(subs)} duplicates to votes-in, which dedup has to reject")
    return len(subs)


def _compare(stack: Stack, step: Step, before: Audit, accepted: list[tuple[str, str]], refused: int, smuggled: int) -> None:
    step("Everything compared: the log, the verdicts, Redis and PostgreSQL")
    now = _audit(stack, before.found)
    rows = {name: (count - before.figures[name], count) for name, count in now.figures.items()}
    told = {"cast": len(accepted) + smuggled, "accepted": len(accepted), "duplicates": smuggled}
    columns = {
        "cast": "cast (votes-in)",
        "accepted": "accepted (votes-accepted)",
        "duplicates": "duplicates (votes-rejected)",
        "rejected_otherwise": "otherwise rejected",
        "dead_letters": "dead letters (votes-dlq)",
        "in_flight": "in flight",
        "redis_total": "Redis, live totals",
        "aurora_total": "Aurora (PostgreSQL), vote_totals",
        "ledger_rows": "Aurora (PostgreSQL), votes_ledger",
    }
    print(f"\n   {'':<36}{'this run':>12}{'ever':>12}")
    print(f"   {'answered 202':<36}{len(accepted):>12,}")
    print(f"   {'answered 409, never in the log':<36}{refused:>12,}")
    for name, title in columns.items():
        print(f"   {title:<36}{rows[name][0]:>12,}{rows[name][1]:>12,}")
    wrong = [columns[name] for name, expected in told.items() if rows[name][0] != expected]
    if wrong:
        raise DemoFailed(f"not what the clients were told: {', '.join(wrong)}")
    claims = [proof_claims.Claim(ELECTION, sub, vote_id) for sub, vote_id in accepted]
    findings = proof_claims.check_running(ProofSettings.from_environment(stack.environment()), claims)
    if findings:
        raise DemoFailed("; ".join(found.text for found in findings))
    agreed = "This run agrees (what the audit found before it stays)" if before.found else "All agree"
    print(f"\n   {agreed}, and every vote that was answered with 202 is in the log, accepted and in the ledger, once.")


def _audit(stack: Stack, known: Counter[str] | None = None) -> Audit:
    """The audit of the demo's election once nothing is in flight and it finds no more, of any kind, than is ``known``.

    Without ``known``, what it finds is no failure as soon as it stands still. Raises ``DemoFailed``.
    """
    environment = {**os.environ, **stack.environment()}
    command = [environment["PYTHON"], "-m", "proof", "audit", "--election", ELECTION, "--json"]
    began = time.monotonic()
    last: Audit | None = None
    while True:
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        if done.stdout:
            report: dict[str, Any] = json.loads(done.stdout)
            found = Counter({entry["kind"]: entry["count"] for entry in report["discrepancies"]})
            audit = Audit(report["elections"][ELECTION], found)
            if not audit.figures["in_flight"] and (found <= known if known is not None else not found or audit == last):
                return audit
            last = audit
        if time.monotonic() - began > AUDIT_WITHIN_SECONDS:
            if last is None:
                raise DemoFailed(f"the audit could not be made: {done.stderr.strip()}")
            new = last.found - (known or Counter())
            raise DemoFailed(
                f"the audit disagrees ({dict(new)}) or waits ({last.figures['in_flight']} in flight): see make audit"
            )
        time.sleep(AUDIT_PAUSE_SECONDS)


def _counts(api: httpx.Client) -> dict[str, int]:
    answer = api.get(f"/votes/{ELECTION}")
    _check(answer, 200)
    counts: dict[str, int] = answer.json()["counts"]
    return counts


def _expect(answer: httpx.Response, status: int) -> None:
    _show(f"{answer.status_code}", answer.text)
    _check(answer, status)


def _check(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise DemoFailed(
            f"{answer.request.method} {answer.request.url} answered {answer.status_code}, not {status}: {answer.text}"
        )


def _show(title: str, text: str) -> None:
    print(f"   {title:<12} {text}", flush=True)


def _addresses(stack: Stack) -> None:
    print("\nThe system goes on running:")
    for title, address in (
        ("vote by hand", f"{stack.url('WEB_PORT')}/elections/{ELECTION}  (in a browser)"),
        ("live results", f"{stack.url('WEB_PORT')}/elections/{ELECTION}/results"),
        ("voting API", f"{stack.url('INGRESS_PORT')}  (/openapi.json, /votes/{ELECTION})"),
        ("identity", f"{stack.url('IDENTITY_PORT')}/registration"),
        ("mail", stack.url("MAIL_HTTP_PORT")),
        ("Hydra", stack.url("HYDRA_PUBLIC_PORT")),
        ("Kratos", stack.url("KRATOS_PUBLIC_PORT")),
        ("Flink", stack.url("FLINK_REST_PORT")),
        ("registry", f"{stack.url('REGISTRY_PORT')}/apis/ccompat/v7"),
        ("Kafka", f"localhost:{stack.ports['KAFKA_PORT']}"),
        ("PostgreSQL", stack.database_url("voting")),
        ("Redis", f"redis://localhost:{stack.ports['REDIS_PORT']}"),
        ("logs", str(stack.log_dir)),
    ):
        _show(title, address)
    print("\nmake status · make logs · make audit · make down (keeps the data) · make reset (wipes it)")
