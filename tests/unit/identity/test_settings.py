import pytest

from identity.settings import EligibilityPolicy, Settings, SettingsError


def test_the_defaults_are_those_of_the_local_stack() -> None:
    settings = Settings.from_environment({})

    assert settings == Settings()
    assert (settings.port, settings.hydra_public_url) == (4455, "http://localhost:4444")


def test_every_setting_comes_from_its_variable() -> None:
    settings = Settings.from_environment(
        {
            "IDENTITY_HOST": "0.0.0.0",  # noqa: S104
            "IDENTITY_PORT": "14455",
            "AUDIT_PORT": "19252",
            "IDENTITY_URL": "https://id.example",
            "WEB_URL": "https://vote.example",
            "KRATOS_PUBLIC_URL": "https://kratos.example",
            "KRATOS_ADMIN_URL": "http://kratos-admin:4434",
            "HYDRA_PUBLIC_URL": "https://auth.example",
            "HYDRA_ADMIN_URL": "http://hydra-admin:4445",
            "ELIGIBILITY_POLICY": "nobody",
            "DATABASE_URL": "postgresql://identity:secret@db/voting",
            "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
            "SCHEMA_REGISTRY_URL": "http://registry/apis/ccompat/v7",
            "TOKEN_HOOK_KEY": "sixteen-or-more-3",
            "ROLL_SECRET": "sixteen-or-more-4",
            "REGISTRATION_HOOK_KEY": "sixteen-or-more-1",
            "VOTER_APP_CLIENT_SECRET": "sixteen-or-more-2",
        }
    )

    assert settings == Settings(
        host="0.0.0.0",  # noqa: S104
        port=14455,
        audit_port=19252,
        identity_url="https://id.example",
        web_url="https://vote.example",
        kratos_public_url="https://kratos.example",
        kratos_admin_url="http://kratos-admin:4434",
        hydra_public_url="https://auth.example",
        hydra_admin_url="http://hydra-admin:4445",
        eligibility_policy=EligibilityPolicy.NOBODY,
        database_url="postgresql://identity:secret@db/voting",
        kafka_bootstrap_servers="kafka:9092",
        schema_registry_url="http://registry/apis/ccompat/v7",
        token_hook_key="sixteen-or-more-3",
        roll_secret="sixteen-or-more-4",
        registration_hook_key="sixteen-or-more-1",
        voter_app_client_secret="sixteen-or-more-2",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IDENTITY_HOST", ""),
        ("IDENTITY_PORT", "0"),
        ("IDENTITY_PORT", "65536"),
        ("IDENTITY_PORT", "-1"),
        ("IDENTITY_PORT", "http"),
        ("IDENTITY_URL", "http://localhost:4455/"),
        ("WEB_URL", "localhost:3000"),
        ("KRATOS_PUBLIC_URL", "http://localhost:4433?x=y"),
        ("KRATOS_ADMIN_URL", "ftp://localhost"),
        ("HYDRA_PUBLIC_URL", "http://"),
        ("HYDRA_ADMIN_URL", " http://localhost:4445"),
        ("ELIGIBILITY_POLICY", "Everyone"),
        ("REGISTRATION_HOOK_KEY", ""),
        ("REGISTRATION_HOOK_KEY", "too-short"),
        ("VOTER_APP_CLIENT_SECRET", "sixteen-or-more\n-1"),
        ("TOKEN_HOOK_KEY", "too-short"),
        ("ROLL_SECRET", "too-short"),
        ("DATABASE_URL", "mysql://user:hidden@db/voting"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


def test_secrets_show_neither_in_repr_nor_in_errors() -> None:
    hidden = "hidden-hidden-hidden"
    text = repr(
        Settings(
            registration_hook_key=hidden,
            token_hook_key=hidden,
            roll_secret=hidden,
            voter_app_client_secret=hidden,
            database_url=f"postgresql://voting:{hidden}@db/voting",
        )
    )
    assert "hidden" not in text

    for name, value in (("REGISTRATION_HOOK_KEY", "hidden"), ("ROLL_SECRET", "hidden"), ("DATABASE_URL", "mysql://u:hidden@db")):
        with pytest.raises(SettingsError) as caught:
            Settings.from_environment({name: value})
        assert "hidden" not in str(caught.value)
