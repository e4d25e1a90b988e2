"""A schema registry for one test: schemas by id, over HTTP, as the Confluent API answers."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(schemas: Mapping[int, str]) -> Iterator[str]:
    """Serve schema texts by id while the context lasts; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = schemas.get(int(self.path.rpartition("/")[2]))
            body = json.dumps({"schema": text} if text else {"error_code": 40403}).encode()
            self.send_response(200 if text else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
