"""The auditors' command: what it prints, and how it ends."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from proof import audit, commit, keys, manifest, report
from proof import running as command
from proof.commitments import Summary
from proof.findings import Figures, Findings, Kind
from proof.log import Range
from proof.merkle import EMPTY_ROOT
from proof.settings import Settings, SettingsError

ELECTION = "election-2025-01"
FIGURES = {
    ELECTION: Figures(cast=4, accepted=3, duplicates=1, redis_total=3, aurora_total=3, ledger_rows=3),
    "unknown": Figures(cast=1, dead_letters=1),
    "draft": Figures(),
}


def agreeing() -> audit.Audit:
    return audit.Audit(dict(FIGURES), Findings())


def disagreeing() -> audit.Audit:
    findings = Findings()
    for number in range(25):
        findings.add(Kind.LOST, ELECTION, f"votes-in 0@{number} has no verdict")
    findings.add(Kind.REDIS_TOTAL, "other", "Redis has 1 for alice, accepted were 2")
    return audit.Audit({**FIGURES, "other": Figures(redis_total=1)}, findings)


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> list[audit.Audit | Exception]:
    """What the audits of this test find, one after the other; no time passes between them."""
    found: list[audit.Audit | Exception] = []

    def run(_: Settings) -> audit.Audit:
        result = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(audit, "run", run)
    clock: Iterator[float] = iter(range(1000))
    monkeypatch.setattr("proof.running.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("proof.running.time.sleep", lambda _: None)
    return found


def test_agreement_ends_with_0_and_shows_the_table(
    audits: list[audit.Audit | Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    audits.append(agreeing())
    assert command.main(["audit"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("                    election-2025-01  unknown\ncast                               4        1\n")
    assert "draft" not in output
    assert "AGREE: every vote" in output


def test_disagreement_ends_with_1_and_names_each_discrepancy(
    audits: list[audit.Audit | Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    audits.append(disagreeing())
    assert command.main(["audit"]) == 1
    output = capsys.readouterr().out
    assert "lost, election-2025-01: 25" in output
    assert "votes-in 0@7 has no verdict" in output
    assert "… and 5 more" in output
    assert "Redis has 1 for alice" in output
    assert "DISAGREE: 26 discrepancies (lost, wrong total in Redis)." in output


def test_what_cannot_be_checked_ends_with_2(audits: list[audit.Audit | Exception], capsys: pytest.CaptureFixture[str]) -> None:
    audits.append(audit.CouldNotCheck("Redis cannot be read: refused"))
    assert command.main(["audit"]) == 2
    assert "Redis cannot be read" in capsys.readouterr().err


def test_waiting_ends_with_the_first_audit_that_agrees(
    audits: list[audit.Audit | Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    audits += [disagreeing(), audit.CouldNotCheck("not now"), agreeing()]
    assert command.main(["audit", "--wait", "60"]) == 0
    progress = capsys.readouterr().err
    assert "DISAGREE" in progress
    assert "could not check: not now" in progress


def test_waiting_ends_when_the_time_is_over(audits: list[audit.Audit | Exception]) -> None:
    audits.append(disagreeing())
    assert command.main(["audit", "--wait", "5"]) == 1


def test_one_election_is_judged_by_itself(audits: list[audit.Audit | Exception]) -> None:
    audits.append(disagreeing())
    assert command.main(["audit", "--election", "draft"]) == 0
    assert command.main(["audit", "--election", "other"]) == 1
    assert command.main(["audit", "--election", "nowhere"]) == 2


def test_what_cannot_be_told_apart_concerns_every_election() -> None:
    findings = Findings()
    findings.add(Kind.UNREADABLE, "unknown", "votes-accepted 0@1 does not follow its contract")
    part = audit.Audit(dict(FIGURES), findings).of(ELECTION)
    assert not part.agrees
    assert set(part.figures) == {ELECTION, "unknown"}


def test_json_holds_the_same(audits: list[audit.Audit | Exception], capsys: pytest.CaptureFixture[str]) -> None:
    audits.append(disagreeing())
    assert command.main(["audit", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["agrees"] is False
    assert found["elections"][ELECTION]["cast"] == 4
    assert {"kind": "lost", "electionId": ELECTION, "count": 25} in found["discrepancies"]
    assert len(found["findings"]) == 21


def test_an_empty_system_has_a_table_too() -> None:
    assert report.text(audit.Audit({}, Findings())).endswith("Redis say the same.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "localhost"),
        ("SCHEMA_REGISTRY_URL", "ftp://x"),
        ("KAFKA_BOOTSTRAP_SERVERS", " "),
        ("TOPICS_ENVIRONMENT", "moon"),
        ("PROOF_DEDUP_GROUP", ""),
        ("PROOF_SIGNING_KEY", "00" * 31),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


def test_secrets_do_not_show() -> None:
    secret = "ab" * 32
    environ = {"DATABASE_URL": "postgresql://u:hush@h/d", "REDIS_URL": "redis://:hush@h", "PROOF_SIGNING_KEY": secret}
    shown = repr(Settings.from_environment(environ))
    assert "hush" not in shown
    assert "signing" not in shown


SIGNING_KEY = "11" * 32


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> Summary:
    """What every commit of this test comes to."""
    summary = Summary(0, EMPTY_ROOT, {})

    def run(*given: object) -> tuple[Mapping[int, Range], Summary]:
        return given[4] or {0: Range(0, 5)}, summary  # type: ignore[return-value]

    monkeypatch.setattr(commit, "run", run)
    return summary


def test_a_commit_signs_its_manifest(
    committed: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROOF_SIGNING_KEY", SIGNING_KEY)
    assert command.main(["commit", ELECTION, "--out", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == committed.contents()
    assert command.main(["public-keys"]) == 0
    public = keys.read_jwks(capsys.readouterr().out.encode())
    signed = (tmp_path / "manifest.json").read_bytes()
    assert manifest.verify(signed, public) == commit.contents(ELECTION, {0: Range(0, 5)}, committed)
    covering = manifest.sign(commit.contents(ELECTION, {0: Range(1, 3)}, committed), keys.private_key("22" * 32))
    (tmp_path / "other.json").write_bytes(covering)
    assert command.main(["commit", ELECTION, "--out", str(tmp_path), "--offsets-of", str(tmp_path / "other.json")]) == 0
    assert manifest.verify((tmp_path / "manifest.json").read_bytes(), public)["votesIn"] == [{"partition": 0, "from": 1, "to": 3}]


@pytest.mark.usefixtures("committed")
def test_without_a_signing_key_there_is_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PROOF_SIGNING_KEY", raising=False)
    assert command.main(["commit", ELECTION, "--out", str(tmp_path)]) == 0
    assert list(tmp_path.iterdir()) == []
    assert command.main(["public-keys"]) == 2
    assert "PROOF_SIGNING_KEY is missing" in capsys.readouterr().err


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "none"], "cannot be written: No such file"),
        (["--offsets-of", "none.json"], "none.json: No such file"),
        (["--offsets-of", "leaves.bin"], "leaves.bin is no manifest"),
    ],
)
def test_what_stands_in_the_way_of_a_commit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("PROOF_SIGNING_KEY", SIGNING_KEY)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaves.bin").write_bytes(b"")
    assert command.main(["commit", ELECTION, *arguments]) == 2
    assert words in capsys.readouterr().err
