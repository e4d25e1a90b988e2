import logging
import os
import socket

import pytest

from identity.__main__ import check_port, main
from identity.serving import configure_logging
from identity.settings import SettingsError


def test_a_taken_port_is_named_although_granian_would_share_it() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(SettingsError, match=f"IDENTITY_PORT.*{port}"):
            check_port("127.0.0.1", port)

    check_port("127.0.0.1", port)


def test_a_wrong_setting_stops_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(os.environ, "IDENTITY_PORT", "none")

    assert main(["serve"]) == 1

    assert capsys.readouterr().err.splitlines() == [
        "python -m identity serve: IDENTITY_PORT is 'none', not a port number from 1 to 65535"
    ]


def test_help_names_every_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    text = capsys.readouterr().out
    for name in ("IDENTITY_URL", "KRATOS_PUBLIC_URL", "HYDRA_ADMIN_URL", "ELIGIBILITY_POLICY", "REGISTRATION_HOOK_KEY"):
        assert name in text


def test_urls_with_challenges_are_not_logged_by_the_http_client() -> None:
    configure_logging()

    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore").isEnabledFor(logging.INFO)
