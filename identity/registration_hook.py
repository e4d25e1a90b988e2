"""What the system decides about a voter at registration. Kratos asks before it stores the identity, and stores the answer."""

import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from identity.settings import EligibilityPolicy, Settings


def metadata_of_new_voter(policy: EligibilityPolicy) -> dict[str, Any]:
    """``metadata_public`` of an identity that is about to be registered. It always says whether the voter is eligible."""
    return {"eligible": policy is EligibilityPolicy.EVERYONE}


def is_kratos(authorization: str, key: str) -> bool:
    """Whether an Authorization header holds the key that only Kratos knows. Takes the same time for every wrong key."""
    return hmac.compare_digest(authorization.encode("latin-1"), f"Bearer {key}".encode("latin-1"))


class RegistrationHook:
    """``POST /hooks/registration``. If it does not answer 200, Kratos registers nobody."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.registration_hook_key
        self._policy = settings.eligibility_policy

    def routes(self) -> list[Route]:
        return [Route("/hooks/registration", self.decide, methods=["POST"])]

    async def decide(self, request: Request) -> JSONResponse:
        if not is_kratos(request.headers.get("authorization", ""), self._key):
            return JSONResponse({"error": "unauthorized"}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return JSONResponse({"identity": {"metadata_public": metadata_of_new_voter(self._policy)}})
