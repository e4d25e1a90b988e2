"""Every page the application shows, rendered on the server from ``templates/``."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from web.messages import LANGUAGES
from web.settings import Settings
from web.vault import Vault
from web.visit import Visit, own_page, visit_of

HERE = Path(__file__).parent


@cache
def asset(name: str) -> str:
    """The address of a static file. It changes with the content, so that caches may keep it for ever."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:16]}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    return environment


class Pages:
    """Visits and the pages that answer them."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self.settings = settings
        self._vault = vault

    async def visit(self, request: Request, *, lenient: bool = False) -> Visit:
        """See ``web.visit.visit_of``. Lenient where the page is of use to those who are not signed in."""
        return await visit_of(request, self.settings, self._vault, lenient=lenient)

    def show(self, visit: Visit, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page for this visit. All values are escaped."""
        translator = visit.translator
        html = (
            _templates()
            .get_template(template)
            .render(
                visit=visit,
                t=translator.text,
                n=translator.count,
                number=translator.number,
                percent=translator.percent,
                moment=translator.moment,
                language=translator.language,
                languages=LANGUAGES,
                here=own_page(visit.request.url.path),
                identity_url=self.settings.identity_url,
                **context,
            )
        )
        response = HTMLResponse(html, status, {"Content-Language": translator.language, "Vary": "Accept-Language, Cookie"})
        visit.give_cookie(response)
        return response

    def go(self, visit: Visit, path: str) -> RedirectResponse:
        """To another page, with GET."""
        response = RedirectResponse(path, 303)
        visit.give_cookie(response)
        return response
