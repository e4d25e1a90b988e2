"""Every page the app shows, rendered on the server from ``templates/``. No page has a script."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from identity.flows import Flow

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


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page of the app. All values are escaped."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(context), status_code=status)


def notice(title: str, text: str, *, status: int = 200, link: str = "/", label: str = "Start again") -> HTMLResponse:
    """A page that says one thing and offers one way on."""
    return page("notice.html", status=status, title=title, text=text, link=link, label=label)


def form(title: str, flow: Flow, *, other_link: str, other_label: str) -> HTMLResponse:
    """The form of a Kratos flow."""
    return page("form.html", title=title, flow=flow, other_link=other_link, other_label=other_label)
