"""What one would write first: a library for the token, a client for Redis, one produce and one await for each vote.

It checks and promises less than the ingress does; it stands here to be compared with.
"""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from confluent_kafka import KafkaError, Message, Producer
from joserfc import jwt
from joserfc.jwk import KeySet
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry


def application() -> Starlette:
    return Starlette(
        routes=[Route("/vote", vote, methods=["POST"]), Route("/readyz", ready, methods=["GET"])],
        lifespan=lifespan,
    )


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    with Registry(os.environ["SCHEMA_REGISTRY_URL"]) as registry:
        schema = avro.latest("votes-in")
        app.state.encode = avro.encoder(schema, registry.id_of(schema))
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{os.environ['HYDRA_PUBLIC_URL']}/.well-known/jwks.json")).json()
    app.state.keys = KeySet.import_key_set(document)
    app.state.claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": os.environ["HYDRA_PUBLIC_URL"]}, aud={"essential": True, "value": "voting-api"}
    )
    app.state.redis = Redis.from_url(os.environ["REDIS_URL"])
    app.state.producer = Producer(
        {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "enable.idempotence": True, "linger.ms": 2}
    )
    app.state.running = True
    poller = asyncio.create_task(asyncio.to_thread(poll, app))
    yield
    app.state.running = False
    await poller
    await app.state.redis.aclose()


def poll(app: Starlette) -> None:
    while app.state.running:
        app.state.producer.poll(0.1)


async def ready(_request: Request) -> JSONResponse:
    return JSONResponse({})


async def vote(request: Request) -> JSONResponse:
    state = request.app.state
    token = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), state.keys)
    state.claims.validate(token.claims)
    ballot = await request.json()
    key = vote_key(ballot["electionId"], token.claims["sub"])
    vote_id = str(uuid.uuid4())
    if not await state.redis.set(f"reservation:{{{key}}}", vote_id, nx=True, ex=86_400):
        return JSONResponse({"status": "already voted"}, 409)
    datum = {
        "vote_id": vote_id,
        "election_id": ballot["electionId"],
        "voter_sub": token.claims["sub"],
        "candidate_id": ballot["candidateId"],
        "cast_at": time.time_ns() // 1_000_000,
        "catalogue_version": 1,
    }
    loop = asyncio.get_running_loop()
    appended: asyncio.Future[None] = loop.create_future()

    def settle(error: KafkaError | None) -> None:
        if error is None:
            appended.set_result(None)
        else:
            appended.set_exception(RuntimeError(str(error)))

    def on_delivery(error: KafkaError | None, _message: Message) -> None:
        loop.call_soon_threadsafe(partial(settle, error))

    state.producer.produce("votes-in", key=key, value=state.encode(datum), on_delivery=on_delivery)
    await appended
    return JSONResponse({"receipt": {"voteId": vote_id}, "status": "accepted"}, 202)
