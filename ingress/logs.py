"""Structured logs: one JSON object a line on standard error. No line holds a token, or a voter together with a choice."""

import json
import logging
from typing import Any

from ingress.clock import from_ms


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": from_ms(int(record.created * 1000)).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


# For ``logging.config.dictConfig``. Granian logs through "_granian"; it keeps no access log.
CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonFormatter}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "_granian": {"level": "INFO", "handlers": [], "propagate": True},
        # One line for each request that it makes.
        "httpx": {"level": "WARNING"},
        # One line for each attempt to connect; the catalogue tells that Postgres is away, once.
        "psycopg.pool": {"level": "ERROR"},
    },
}
