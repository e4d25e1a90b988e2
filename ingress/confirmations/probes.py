"""What operators ask a process that has no API: is it at work (``/readyz``), how is it doing (``/metrics``)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@contextmanager
def probes(host: str, port: int, ready: Callable[[], bool], registry: CollectorRegistry) -> Iterator[None]:
    """Answer in a thread, one question at a time, until the block is left. With port 0 nothing listens. Raises ``OSError``."""
    if port == 0:
        yield
        return
    with make_server(host, port, application(ready, registry), handler_class=_Silent) as server:
        Thread(target=server.serve_forever, name="probes", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def application(ready: Callable[[], bool], registry: CollectorRegistry) -> "WSGIApplication":
    metrics: WSGIApplication = make_wsgi_app(registry)

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        if environ["PATH_INFO"] != "/readyz":
            status, body = "404 Not Found", b"{}"
        elif ready():
            status, body = "200 OK", b'{"ready":true}'
        else:
            status, body = "503 Service Unavailable", b'{"ready":false}'
        start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [body]

    return answer


class _Silent(WSGIRequestHandler):
    # A client that connects and says nothing must not keep the others out.
    timeout = 5

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """No access log."""
