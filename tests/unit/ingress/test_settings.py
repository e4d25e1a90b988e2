import pytest

from ingress.deadlines import Deadlines
from ingress.settings import Settings, SettingsError

SECRET = {"RESERVATION_SECRET": "00" * 16}


def test_an_empty_environment_gives_the_local_stack() -> None:
    settings = Settings.from_environment(SECRET)
    assert settings == Settings(bytes(16))
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 4000, 1)
    assert settings.jwks_url == "http://localhost:4444/.well-known/jwks.json"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_environment(SECRET | {"INGRESS_PORT": " "}).port == 4000


def test_what_is_set_is_taken() -> None:
    settings = Settings.from_environment(
        SECRET
        | {
            "INGRESS_PORT": "4001",
            "INGRESS_CLIENTS": "voter-app, voter-web",
            "HYDRA_PUBLIC_URL": "https://id.example/",
            "RESERVATION_PENDING_SECONDS": "20",
        }
    )
    assert settings.port == 4001
    assert settings.clients == {"voter-app", "voter-web"}
    assert settings.hydra_public_url == "https://id.example"
    assert settings.deadlines.pending_ms == 20_000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("INGRESS_PORT", "0"),
        ("INGRESS_PORT", "4000.5"),
        ("INGRESS_PORT", "http"),
        ("INGRESS_WORKERS", "0"),
        ("CONFIRM_METRICS_PORT", "65536"),
        ("INGRESS_CLIENTS", ","),
        ("INGRESS_TOKEN_LEEWAY_SECONDS", "nan"),
        ("INGRESS_TOKEN_LEEWAY_SECONDS", "3600"),
        ("INGRESS_CATALOGUE_REFRESH_SECONDS", "10"),
        ("REDIS_URL", "localhost:6379"),
        ("DATABASE_URL", "mysql://localhost"),
        ("HYDRA_PUBLIC_URL", "localhost"),
        ("SCHEMA_REGISTRY_URL", "registry"),
        ("INGRESS_MESSAGE_SECONDS", "5"),
        ("INGRESS_REQUEST_SECONDS", "11"),
        ("RESERVATION_PENDING_SECONDS", "4"),
        ("RESERVATION_SECRET", ""),
        ("RESERVATION_SECRET", "not hexadecimal, though long enough"),
        ("RESERVATION_SECRET", "00" * 15),
        ("RECEIPT_SIGNING_KEY", "not hexadecimal, though long enough"),
        ("RECEIPT_SIGNING_KEY", "00" * 31),
        ("RECEIPT_SIGNING_KEY", "00" * 33),
    ],
)
def test_an_error_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.from_environment(SECRET | {variable: value})


def test_passwords_do_not_show() -> None:
    settings = Settings.from_environment(
        SECRET
        | {
            "DATABASE_URL": "postgresql://a:secret@b/c",
            "REDIS_URL": "redis://:secret@b",
            "SCHEMA_REGISTRY_URL": "https://a:secret@b",
            "RECEIPT_SIGNING_KEY": "ab" * 32,
        }
    )
    assert "secret@" not in repr(settings)
    assert str(settings.reservation_secret) not in repr(settings)
    assert settings.receipt_signing_key == b"\xab" * 32
    assert str(settings.receipt_signing_key) not in repr(settings)


def test_the_deadlines_fit_together() -> None:
    deadlines = Deadlines()
    assert deadlines.wait_seconds + deadlines.message_seconds < deadlines.request_seconds < deadlines.pending_seconds


@pytest.mark.parametrize(
    "changes", [{"message_seconds": 4.9}, {"pending_seconds": 6.0}, {"redis_seconds": 2.0}, {"body_seconds": 0.0}]
)
def test_deadlines_that_do_not_fit_together_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Deadlines(**changes)
