"""A start that fails says why in one line, without the trace that Starlette makes of it."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingress.parts import CannotStart


def with_plain_start(app: ASGIApp) -> ASGIApp:
    """The same application, except that ``CannotStart`` reaches the server as its text alone."""

    def plain(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # No coroutine of its own for each request.
        return start(scope, receive, send) if scope["type"] == "lifespan" else app(scope, receive, send)

    async def start(scope: Scope, receive: Receive, send: Send) -> None:
        held_back: list[Message] = []

        async def hold_back_failure(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                held_back.append(message)
            else:
                await send(message)

        try:
            await app(scope, receive, hold_back_failure)
        except CannotStart as error:
            await send({"type": "lifespan.startup.failed", "message": f"the ingress cannot start: {error}"})
        except BaseException:
            for message in held_back:
                await send(message)
            raise

    return plain
