"""The local stack's mail server: it takes every mail, delivers none, and shows them: ``python -m compose.mail_catcher``.

    GET    /             a page with the newest mails
    GET    /api/mails    the same as JSON, oldest first; ``?to=`` only those to one address
    DELETE /api/mails    forget them
    GET    /healthz      200 while mail is taken

Mails are kept in memory, the newest ``KEPT`` of them. The addresses come from BIND_HOST, MAIL_SMTP_PORT and MAIL_HTTP_PORT.
"""

import html
import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 1000
LARGEST_MAIL_BYTES = 1 << 20


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived. ``text`` is its plain part."""

    number: int
    to: tuple[str, ...]
    subject: str
    text: str
    received_at: str


class MailBox:
    """The newest mails. Safe to share between threads."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._number = 0

    def add(self, to: tuple[str, ...], content: bytes) -> None:
        message = message_from_bytes(content, policy=policy.default)
        plain = message.get_body(preferencelist=("plain", "html")) if isinstance(message, EmailMessage) else None
        with self._lock:
            self._number += 1
            self._mails.append(
                Mail(
                    self._number,
                    to,
                    str(message["subject"] or ""),
                    str(plain.get_content()) if plain is not None else "",
                    datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                )
            )

    def mails(self, to: str | None = None) -> list[Mail]:
        with self._lock:
            return [mail for mail in self._mails if to is None or to in mail.to]

    def clear(self) -> None:
        with self._lock:
            self._mails.clear()


class Handler:
    """What aiosmtpd calls for each mail; every recipient is fine."""

    def __init__(self, box: MailBox) -> None:
        self._box = box

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        content = envelope.content
        self._box.add(tuple(envelope.rcpt_tos), content if isinstance(content, bytes) else (content or "").encode())
        return "250 OK"


def page(mails: list[Mail]) -> str:
    """The newest first. Everything in a mail is escaped."""

    def articles() -> Iterator[str]:
        for mail in reversed(mails):
            yield (
                f"<article><h2>{html.escape(mail.subject)}</h2><p>To {html.escape(', '.join(mail.to))}, {mail.received_at}</p>"
                f"<pre>{html.escape(mail.text)}</pre></article>"
            )

    body = "".join(articles()) or "<p>No mail yet.</p>"
    head = '<meta charset="utf-8"><title>Mail</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>Mail</h1>{body}</body></html>'


def http_server(box: MailBox, host: str, port: int) -> ThreadingHTTPServer:
    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/":
                self._answer(200, "text/html; charset=utf-8", page(box.mails()))
            elif parts.path == "/api/mails":
                to = parse_qs(parts.query).get("to", [None])[0]
                self._answer(200, "application/json", json.dumps([asdict(mail) for mail in box.mails(to)]))
            elif parts.path == "/healthz":
                self._answer(200, "text/plain", "ok")
            else:
                self._answer(404, "text/plain", "not found")

        def do_DELETE(self) -> None:
            if self.path == "/api/mails":
                box.clear()
                self._answer(204, "text/plain", "")
            else:
                self._answer(404, "text/plain", "not found")

        def _answer(self, status: int, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", "default-src 'none'")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the name in http.server)
            """Nothing: addresses stand in the queries."""

    return ThreadingHTTPServer((host, port), Requests)


def main() -> int:
    host = os.environ.get("BIND_HOST") or "127.0.0.1"
    box = MailBox()
    smtp = Controller(
        Handler(box),
        hostname=host,
        port=int(os.environ.get("MAIL_SMTP_PORT") or 1025),
        data_size_limit=LARGEST_MAIL_BYTES,
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with http_server(box, host, int(os.environ.get("MAIL_HTTP_PORT") or 8025)) as web:
            smtp.start()
            threading.Thread(target=web.serve_forever, daemon=True).start()
            stopping.wait()
            web.shutdown()
            smtp.stop()
    except OSError as error:
        print(f"mail catcher: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
