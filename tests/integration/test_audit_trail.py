"""What happened to identities and votes, from where it happened into the table that auditors read."""

import os
import signal
from collections.abc import Mapping
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import KafkaError

from compose.demo import ELECTION
from compose.settings import Stack
from compose.supervisor import Supervisor
from compose.voter_browser import claims_of
from identity.audit_log import NotDelivered, publish_batch
from tests.integration.log_of_votes import eventually
from tests.voters import Accounts, Voter


def trail_of(stack: Stack, sub: str) -> list[tuple[str, str, str | None, dict[str, Any]]]:
    with psycopg.connect(stack.environment()["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT source, action, election_id, details FROM audit_trail WHERE subject = %s ORDER BY occurred_at", [sub]
        )
        return [tuple(row) for row in rows]


def test_what_happens_to_a_voter_is_in_the_trail_and_never_the_choice(stack: Stack, api: httpx.Client) -> None:
    accounts, voter = Accounts(stack), Voter()
    with accounts.browser() as browser:
        tokens = accounts.registered(voter, browser)
    sub = claims_of(tokens.access_token)["sub"]
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    assert api.post("/vote", json={"electionId": ELECTION, "candidateId": "carol"}, headers=headers).status_code == 202

    def complete() -> bool:
        told = {(source, action) for source, action, _, _ in trail_of(stack, sub)}
        return {("identity", "identity.registered"), ("identity", "consent.given")} <= told and "ingress" in {
            source for source, _ in told
        }

    eventually(complete, "registration, consent and vote are in the trail", 60)
    text = str(trail_of(stack, sub))
    assert "carol" not in text
    assert voter.email not in text
    assert accounts.events_of(sub) == [], "what the log has need not be kept any longer"


def test_events_wait_for_a_process_that_was_killed(stack: Stack) -> None:
    accounts = Accounts(stack)
    os.kill(Supervisor(stack).processes()["audit"].pid, signal.SIGKILL)
    with accounts.browser() as browser:
        sub = claims_of(accounts.registered(Voter(), browser).access_token)["sub"]

    def told() -> list[str]:
        return sorted(action for _, action, _, _ in trail_of(stack, sub))

    eventually(lambda: told() == ["consent.given", "identity.registered"], "both events are in the trail, once each", 90)


class StubbornProducer:
    """A log that takes records and acknowledges none, or says no to them."""

    def __init__(self, *, says_no: bool) -> None:
        self._says_no = says_no
        self._reports: list[Any] = []

    def produce(self, _topic: str, *, on_delivery: Any, **_record: Any) -> None:
        self._reports.append(on_delivery)

    def flush(self, _seconds: float) -> int:
        if not self._says_no:
            return len(self._reports)
        for report in self._reports:
            report(KafkaError(KafkaError._MSG_TIMED_OUT), None)
        self._reports = []
        return 0

    def purge(self) -> None:
        self._reports = []


@pytest.mark.parametrize("says_no", [True, False])
def test_events_stay_until_the_log_has_acknowledged_them(database_url: str, *, says_no: bool) -> None:
    def encode(event: Mapping[str, Any]) -> bytes:
        return str(event["event_id"]).encode()

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO identity_events (action, outcome) VALUES ('identity.registered', 'success')")
        with pytest.raises(NotDelivered):
            publish_batch(connection, StubbornProducer(says_no=says_no), encode)  # type: ignore[arg-type]
        (waiting,) = connection.execute("SELECT count(*) FROM identity_events").fetchone() or (0,)
        connection.execute("DELETE FROM identity_events")

    assert waiting == 1
