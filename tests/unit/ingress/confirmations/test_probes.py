import socket

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from ingress.confirmations.probes import application, probes


def client(ready: bool) -> httpx.Client:
    registry = CollectorRegistry()
    Gauge("following", "A gauge.", registry=registry).set(7)
    return httpx.Client(transport=httpx.WSGITransport(application(lambda: ready, registry)), base_url="http://probes")


def test_ready_or_not() -> None:
    assert client(True).get("/readyz").status_code == 200
    answer = client(False).get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_metrics() -> None:
    assert "following 7.0" in client(False).get("/metrics").text


def test_nothing_else() -> None:
    assert client(True).get("/").status_code == 404


def test_it_answers_until_the_end_of_the_block_and_logs_no_requests(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with probes("127.0.0.1", port, lambda: True, CollectorRegistry()):
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {"ready": True}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert capfd.readouterr() == ("", "")


def test_port_0_is_nowhere() -> None:
    with probes("no such host", 0, lambda: True, CollectorRegistry()):
        pass
