"""Keys of receipts: all are published, none is private, and what cannot be used stops the start."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ingress import base64url, receipt_keys
from ingress.receipt_keys import KeysUnusable, entry, key_id, published
from ingress.settings import Settings
from tests.unit.ingress.factories import RECEIPT_KEY
from tests.unit.schemas.test_receipt import EXAMPLE

OWN = RECEIPT_KEY.public_key()
FORMER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32).public_key()
COMING = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32).public_key()


def keys_in(file: Path | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(published(OWN, file))["keys"]
    return found


def written(folder: Path, *entries: object) -> Path:
    file = folder / "receipt-keys.json"
    file.write_text(json.dumps({"keys": entries}))
    return file


def test_an_entry_is_that_of_rfc_8037_with_its_thumbprint() -> None:
    key = Ed25519PrivateKey.from_private_bytes(base64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    assert entry(key.public_key()) == EXAMPLE["keys"][0]
    assert key_id(key.public_key()) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_without_a_file_the_own_key_is_published() -> None:
    assert keys_in(None) == [entry(OWN)]


def test_former_and_coming_keys_stand_beside_it_with_their_times(tmp_path: Path) -> None:
    others = [entry(FORMER) | {"nbf": 1, "exp": 1_700_000_000}, entry(COMING) | {"nbf": 1_800_000_000}]
    assert keys_in(written(tmp_path, *others)) == [entry(OWN), *others]


def test_the_file_may_say_since_when_the_own_key_signs(tmp_path: Path) -> None:
    own = entry(OWN) | {"nbf": 1_700_000_000}
    assert keys_in(written(tmp_path, own, entry(FORMER))) == [own, entry(FORMER)]


@pytest.mark.parametrize(
    "bad",
    [
        entry(FORMER) | {"d": "AAAA"},
        entry(FORMER) | {"kid": "mine"},
        entry(FORMER) | {"x": entry(COMING)["x"]},
        entry(FORMER) | {"x": "AAAA"},
        entry(FORMER) | {"x": 1},
        entry(FORMER) | {"crv": "X25519"},
        entry(FORMER) | {"exp": "2025-01-01"},
        entry(FORMER) | {"exp": True},
        entry(FORMER) | {"exp": 0},
        entry(FORMER) | {"alg": "none"},
        {"kty": "RSA"},
        "text",
        None,
    ],
    ids=lambda value: str(value)[-40:],
)
def test_another_entry_is_refused_with_the_name_of_the_setting(tmp_path: Path, bad: object) -> None:
    with pytest.raises(KeysUnusable, match="RECEIPT_KEYS_FILE"):
        published(OWN, written(tmp_path, bad))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys":1}', b'{"keys":[],"keys":[]}', b"\xff"])
def test_what_is_no_set_of_keys_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "receipt-keys.json"
    file.write_bytes(data)
    with pytest.raises(KeysUnusable, match="RECEIPT_KEYS_FILE"):
        published(OWN, file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match=r"none\.json: No such file"):
        published(OWN, tmp_path / "none.json")


def test_without_a_signing_key_nothing_is_signed() -> None:
    with pytest.raises(KeysUnusable, match="RECEIPT_SIGNING_KEY is missing"):
        receipt_keys.signing_key(Settings(bytes(16)))


def test_the_command_prints_the_public_key_and_not_the_private_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESERVATION_SECRET", "00" * 16)
    monkeypatch.setenv("RECEIPT_SIGNING_KEY", RECEIPT_KEY.private_bytes_raw().hex())
    assert receipt_keys.main() == 0
    told = capsys.readouterr().out
    assert json.loads(told) == entry(OWN)
    assert RECEIPT_KEY.private_bytes_raw().hex() not in told
    monkeypatch.delenv("RECEIPT_SIGNING_KEY")
    assert receipt_keys.main() == 2
    assert "RECEIPT_SIGNING_KEY" in capsys.readouterr().err
