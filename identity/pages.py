"""Every page the app shows, rendered on the server from ``templates/``, in the language that the browser asks for.

The only scripts are Kratos's webauthn.js and ``static/passkeys.js``, which starts it; only pages with a passkey have them.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from identity.wording import Wording, preferred_language, wording

HERE = Path(__file__).parent


def _template_environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_TEMPLATES = _template_environment()


def words_for(request: Request) -> Wording:
    """The words of the language that this browser prefers."""
    return wording(preferred_language(request.headers.get("accept-language", "")))


def page(template: str, words: Wording, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page of the app. All values are escaped."""
    text = _TEMPLATES.get_template(template).render(t=words, **context)
    return HTMLResponse(text, status_code=status, headers={"Content-Language": words.language, "Vary": "Accept-Language"})


def notice(words: Wording, title: str, text: str, *, link: str, label: str, status: int = 200) -> HTMLResponse:
    """A page that says one thing and offers one way on. ``title``, ``text`` and ``label`` are read by the visitor as they are."""
    return page("notice.html", words, status=status, title=title, text=text, link=link, label=label)
