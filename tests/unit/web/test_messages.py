"""The catalogues are complete, say the same, and hold what the pages and the code ask for, and nothing else."""

import re
from datetime import UTC, datetime
from string import Formatter

import pytest

from ingress import problems
from web import error_pages
from web.messages import HERE, LANGUAGES, Translator, best_of, catalogue, known
from web.pages import HERE as PACKAGE

from .conftest import ELECTION, Browser

# Problems that are not about a voter's wish, or that the application sees to by itself.
NOT_FOR_VOTERS = {
    "attempt-pending",
    "body-too-large",
    "idempotency-key-mismatch",
    "insufficient-scope",
    "internal-error",
    "invalid-token",
    "log-unavailable",
    "malformed-request",
    "method-not-allowed",
    "outcome-undecided",
    "rate-limited",
    "unavailable",
    "unsupported-media-type",
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def quoted() -> set[str]:
    """Every quoted text of the templates and modules; of one that is put together (``f"status.{…}"``), how it begins."""
    files = [*PACKAGE.glob("templates/*.html"), *PACKAGE.glob("*.py"), *PACKAGE.glob("messages/*.py")]
    return {
        found for path in files for found in re.findall(r"""["']([a-z][a-z.-]*)(?=["'{])""", path.read_text(encoding="utf-8"))
    }


def stems(key: str) -> set[str]:
    """What may stand in the code for a key: itself, or what a form of it (plural, part of a notice) is made from."""
    stem, _, form = key.rpartition(".")
    return {key, stem} if form in {"one", "other", "title", "text", "action"} else {key}


def test_the_languages_are_those_that_have_a_catalogue() -> None:
    assert {path.stem for path in HERE.glob("*.json")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_catalogue_has_every_text_with_the_same_placeholders(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)

    assert list(other) == list(english)
    for key, text in other.items():
        assert text.strip(), key
        assert placeholders(text) == placeholders(english[key]), key
        assert (
            language == "en"
            or key in {"percent", "site.name"}
            or text != english[key]
            or text in {"Name", "Status"}
            or (key.startswith("month."))
        ), f"{key} is not translated"


def test_every_key_that_is_asked_for_is_there() -> None:
    keys = set(catalogue("en"))
    roots = {key.partition(".")[0] for key in keys if "." in key}
    # A text with a dot whose first part begins no key is something else: a module, an attribute, a file.
    asked = {
        text for text in quoted() if text.partition(".")[0] in roots and "." in text and not text.endswith((".css", ".html"))
    }
    asked = {text for text in asked if not text.endswith((".js", ".svg"))}

    assert len(asked) > 80
    assert {text for text in asked if not any(key.startswith(text) for key in keys)} == set()
    assert {text for text in asked if text[-1] not in ".-"} <= {stem for key in keys for stem in stems(key)}


def test_nothing_in_the_catalogues_is_left_over() -> None:
    texts = quoted()
    begun = tuple(text for text in texts if text.endswith((".", "-")) and "." in text)

    assert [key for key in catalogue("en") if not stems(key) & texts and not key.startswith(begun)] == []


def test_every_refusal_of_the_voting_api_has_plain_words() -> None:
    theirs = {kind.name for kind in problems.TABLE} - NOT_FOR_VOTERS
    assert theirs == set(error_pages.REFUSALS)
    for reason in theirs - {"election-not-open"}:
        for language in LANGUAGES:
            assert catalogue(language)[f"refused.{reason}.title"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.2,de;q=0.7", "de"),
        ("en-GB", "en"),
        ("fr, es", None),
        ("", None),
        ("de;q=0,en", "en"),
        ("de;q=nonsense,en;q=0.1", "en"),
        (";;,,", None),
        ("DE", "de"),
    ],
)
def test_the_browsers_wish_is_understood(header: str, language: str | None) -> None:
    assert best_of(header) == language


@pytest.mark.parametrize(("tag", "language"), [("de", "de"), ("de-CH", "de"), ("fr", None), (None, None), ("../de", None)])
def test_a_locale_names_one_of_ours_or_none(tag: str | None, language: str | None) -> None:
    assert known(tag) == language


def test_numbers_and_times_are_written_as_the_language_does() -> None:
    moment = datetime(2025, 3, 9, 7, 5, tzinfo=UTC)
    english, german = Translator("en"), Translator("de")

    assert (english.number(1234567), german.number(1234567)) == ("1,234,567", "1.234.567")
    assert (english.percent(0.4567), german.percent(0.4567)) == ("45.7%", "45,7 %")
    assert english.moment(moment) == "9 March 2025, 07:05 UTC"
    assert german.moment(moment) == "9. März 2025, 07:05 UTC"
    assert english.count("trouble.wait", 1) == "Please wait 1 second."


async def test_the_account_decides_the_language_before_the_browser_does(browser: Browser) -> None:
    assert '<html lang="en">' in (await browser.get("/")).text
    await browser.sign_in(locale="de-DE")
    assert '<html lang="de">' in (await browser.get("/")).text


async def test_the_switch_decides_before_the_account_does(browser: Browser) -> None:
    await browser.sign_in(locale="de-DE")
    answer = await browser.get(f"/language/en?to=/elections/{ELECTION}")
    assert answer.headers["location"] == f"/elections/{ELECTION}"
    assert '<html lang="en">' in (await browser.follow()).text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "/sign-out", ""])
async def test_the_switch_leads_to_pages_of_this_site_only(browser: Browser, target: str) -> None:
    assert (await browser.client.get("/language/de", params={"to": target})).headers["location"] == "/"


async def test_a_language_that_there_is_not_is_no_page(browser: Browser) -> None:
    assert (await browser.get("/language/fr")).status_code == 404
