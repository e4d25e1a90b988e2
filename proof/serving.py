"""Conservation over HTTP, for operators: ``/conservation``, ``/metrics``, ``/readyz``."""

import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from proof import display, watch
from proof.metrics import Collector
from proof.settings import Settings
from proof.watch import View

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A view that is older than this is not the present any more.
FRESH_SECONDS = 30.0
Newest = Callable[[], View | None]


def serve(settings: Settings) -> None:
    """Follow the topics and answer until SIGTERM or SIGINT. Raises ``OSError`` when the port is taken."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    views: list[View] = []

    def newest() -> View | None:
        return views[-1] if views else None

    with answering(settings.host, settings.port, application(newest, time.time)):
        watch.follow(settings, lambda view: views.__setitem__(slice(None), [view]), stopping)


@contextmanager
def answering(host: str, port: int, answer: "WSGIApplication") -> Iterator[int]:
    """Answer in a thread, one question at a time, until the block is left. Yields the port; 0 takes one that is free."""
    with make_server(host, port, answer, handler_class=_Silent) as server:
        Thread(target=server.serve_forever, name="answers", daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def application(newest: Newest, clock: Callable[[], float]) -> "WSGIApplication":
    registry = CollectorRegistry()
    registry.register(Collector(newest, clock))
    metrics: WSGIApplication = make_wsgi_app(registry)

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        view = newest()
        fresh = view is not None and clock() - view.at < FRESH_SECONDS
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/conservation" if view is not None:
                status, body = "200 OK", display.as_json(view).encode()
            case "/conservation":
                status, body = "503 Service Unavailable", b'{"title":"Nothing has been compared yet"}'
            case "/healthz":
                status, body = "200 OK", b'{"alive":true}'
            case "/readyz" if fresh:
                status, body = "200 OK", b'{"ready":true}'
            case "/readyz":
                status, body = "503 Service Unavailable", b'{"ready":false}'
            case _:
                status, body = "404 Not Found", b"{}"
        start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [body]

    return answer


class _Silent(WSGIRequestHandler):
    # A client that connects and says nothing must not keep the others out.
    timeout = 5

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """No access log."""
