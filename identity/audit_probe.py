"""``/readyz`` and ``/metrics`` of the process that carries events: whether it does so now, and how many it has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, generate_latest


class Progress:
    """What the two ways have done since the process began. Shared between their threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.publishing = False
        self.keeping = False
        self.published = Counter("audit_events_published", "Events of identities that audit-log has.", registry=self.registry)
        self.kept = Counter("audit_events_kept", "Events of audit-log that the trail has.", registry=self.registry)
        self.undecodable = Counter(
            "audit_records_undecodable", "Records of audit-log that are no events.", registry=self.registry
        )

    @property
    def ready(self) -> bool:
        return self.publishing and self.keeping


@contextmanager
def probe(host: str, port: int, progress: Progress) -> Iterator[None]:
    """Answer at this address. Raises ``OSError`` if it is taken."""

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4", generate_latest(progress.registry))
            elif self.path == "/readyz":
                self._answer(200 if progress.ready else 503, "text/plain", b"ready" if progress.ready else b"waiting")
            else:
                self._answer(404, "text/plain", b"not found")

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the name in http.server)
            """No access log."""

    with ThreadingHTTPServer((host, port), Requests) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
