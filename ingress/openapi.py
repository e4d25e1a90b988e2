"""The OpenAPI 3.1 document, made from the table of endpoints and the table of problems."""

import re
from collections.abc import Iterable
from typing import Any

from ingress import problems
from ingress.own_vote import STATUSES
from ingress.problems import ProblemType
from ingress.routes import Answer, Endpoint
from schemas.ids import CANDIDATE_ID, ELECTION_ID

API_VERSION = "1.0.0"


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_BASE64URL = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
_SECONDS = {"type": "integer", "exclusiveMinimum": 0}
_ELECTION_ID = {"type": "string", "pattern": f"^{ELECTION_ID.pattern}$"}
_CANDIDATE_ID = {"type": "string", "pattern": f"^{CANDIDATE_ID.pattern}$"}
_STATUS = {"type": "string", "enum": ["open", "closed", "sealed", "published"]}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Ballot": _object({"electionId": _ELECTION_ID, "candidateId": _CANDIDATE_ID}),
    "Receipt": {
        **_object(
            {
                "voteId": {"type": "string", "format": "uuid"},
                "electionId": _ELECTION_ID,
                "castAt": _TIME,
                "keyId": {**_BASE64URL, "description": "One of readReceiptKeys."},
                "signature": {
                    **_BASE64URL,
                    "description": "Ed25519, over four lines that each end with a line feed:"
                    " voting receipt v1, electionId, voteId, castAt.",
                },
            }
        ),
        "description": "Says that the log has acknowledged the vote, and neither whose it is nor for whom.",
    },
    "ReceiptKeys": _object({"keys": {"type": "array", "items": _reference("ReceiptKey"), "minItems": 1}}),
    "ReceiptKey": _object(
        {
            "kty": {"const": "OKP"},
            "crv": {"const": "Ed25519"},
            "x": _BASE64URL,
            "kid": {**_BASE64URL, "description": "Its thumbprint (RFC 7638)."},
            "use": {"const": "sig"},
        },
        {
            "nbf": {**_SECONDS, "description": "It has signed since then."},
            "exp": {**_SECONDS, "description": "It has not signed since then: a receipt of a later vote is a forgery."},
        },
    ),
    "Accepted": _object({"receipt": _reference("Receipt"), "status": {"const": "accepted"}}),
    "OwnVote": _object(
        {
            "electionId": _ELECTION_ID,
            "status": {"type": "string", "enum": list(STATUSES)},
            "receipt": {"anyOf": [_reference("Receipt"), {"type": "null"}]},
        }
    ),
    "Results": _object(
        {
            "electionId": _ELECTION_ID,
            "counts": {"type": "object", "additionalProperties": _COUNT, "description": "Every candidate, zeros too."},
            "total": _COUNT,
            "updatedAt": {"type": ["string", "null"], "format": "date-time"},
            "status": _STATUS,
        }
    ),
    "Candidate": _object({"candidateId": _CANDIDATE_ID, "name": _TEXT}),
    "Election": _object(
        {
            "electionId": _ELECTION_ID,
            "version": {"type": "integer", "minimum": 1},
            "title": _TEXT,
            "status": _STATUS,
            "opensAt": _TIME,
            "closesAt": _TIME,
            "jurisdictions": {"type": "array", "items": _TEXT, "description": "Whose voters may vote; empty: everybody's."},
            "requiredAal": {"type": "string", "enum": ["aal1", "aal2"]},
            "resultsVisibility": {"type": "string", "enum": ["live", "after_publication"]},
            "resultsBatch": {"type": "integer", "minimum": 1, "description": "Live results move by at least this many votes."},
            "candidates": {"type": "array", "items": _reference("Candidate")},
        }
    ),
    "Elections": _object({"elections": {"type": "array", "items": _reference("Election")}}),
    "EventStream": {"type": "string"},
    "Health": _object({"status": {"const": "alive"}}),
    "Readiness": _object(
        {"ready": {"type": "boolean"}, "checks": {"type": "object", "additionalProperties": {"type": "boolean"}}}
    ),
    "Text": {"type": "string"},
    "Document": {"type": "object"},
    "Problem": {
        "type": "object",
        "description": "RFC 9457. What each type means:\n\n"
        + "\n".join(f"- `{kind.uri}` ({kind.status}): {kind.title}." for kind in problems.TABLE),
        "properties": {
            "type": {"type": "string", "enum": [kind.uri for kind in problems.TABLE]},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "receipt": _reference("Receipt"),
            "opensAt": _TIME,
            "closesAt": _TIME,
        },
        "required": ["type", "title", "status"],
    },
}

_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {"schema": _TEXT},
    "Cache-Control": {"schema": _TEXT},
    "Retry-After": {"description": "Whole seconds.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"schema": _TEXT},
    "Allow": {"schema": _TEXT},
}
_REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "description": "Lower-case hexadecimal SHA-256 of the token's sub followed by the electionId.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "If-None-Match": {"schema": _TEXT},
}
_HEADERS_BY_STATUS = {401: "WWW-Authenticate", 503: "Retry-After"}


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Voting API",
            "version": API_VERSION,
            "description": "Takes votes into the log and tells what has become of them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "headers": _HEADERS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": _ELECTION_ID}
                for name in re.findall(r"{(\w+)}", endpoint.path)
            ),
            *({"name": name, "in": "header", **_REQUEST_HEADERS[name]} for name in endpoint.request_headers),
        ],
        "responses": {
            **{str(status): _answer(answer) for status, answer in endpoint.answers.items()},
            **_problem_answers((*endpoint.problems, problems.INTERNAL_ERROR)),
        },
    }
    if endpoint.secured:
        operation["security"] = [{"token": []}]
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(endpoint.body)}}}
    return operation


def _answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.schema is not None:
        described["content"] = {answer.media_type: {"schema": _reference(answer.schema)}}
    if answer.headers:
        described["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers}
    return described


def _problem_answers(kinds: Iterable[ProblemType]) -> dict[str, Any]:
    """One answer for each status, which lists the problems that have it."""
    by_status: dict[int, list[ProblemType]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    answers: dict[str, Any] = {}
    for status, same in sorted(by_status.items()):
        narrowed = {"properties": {"type": {"enum": [kind.uri for kind in same]}, "status": {"const": status}}}
        answers[str(status)] = {
            "description": " Or: ".join(f"{kind.title}." for kind in same),
            "content": {problems.MEDIA_TYPE: {"schema": {"allOf": [_reference("Problem"), narrowed]}}},
        }
        if status in _HEADERS_BY_STATUS:
            name = _HEADERS_BY_STATUS[status]
            answers[str(status)]["headers"] = {name: {"$ref": f"#/components/headers/{name}"}}
    return answers
