import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from ingress.app import create_app
from ingress.openapi import document
from ingress.problems import TABLE, TYPE_PREFIX
from ingress.routes import ENDPOINTS
from ingress.settings import Settings

DOCUMENT = document(ENDPOINTS)


def test_it_is_a_valid_openapi_3_1_document() -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(DOCUMENT))).validate()


def test_it_describes_every_route_and_no_other() -> None:
    app = create_app(Settings(bytes(16)))
    # HEAD goes with GET and needs no description of its own.
    served = {(method.lower(), route.path) for route in app.routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    described = {(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert described == served


def test_it_lists_every_type_of_problem() -> None:
    listed = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert listed == [kind.uri for kind in TABLE]
    assert len(set(listed)) == len(listed)


def test_the_table_has_its_place_for_what_the_gateway_and_the_risk_service_say() -> None:
    assert {kind.name: kind.status for kind in TABLE if kind.name in {"rate-limited", "challenge-required", "blocked"}} == {
        "rate-limited": 429,
        "challenge-required": 403,
        "blocked": 403,
    }


@pytest.mark.parametrize("status", ["202", "400", "401", "403", "404", "409", "413", "415", "422", "503"])
def test_voting_documents_each_status_of_the_contract(status: str) -> None:
    assert status in DOCUMENT["paths"]["/vote"]["post"]["responses"]


def test_type_uris_are_stable() -> None:
    assert TYPE_PREFIX == "urn:problem-type:voting:"
