import smtplib
import threading
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest
from aiosmtpd.controller import Controller

from compose.mail_catcher import KEPT, Handler, MailBox, http_server, page
from tests.stacks import free_ports


@pytest.fixture
def box() -> MailBox:
    return MailBox()


@pytest.fixture
def web(box: MailBox) -> Iterator[httpx.Client]:
    with http_server(box, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_address[1]}") as client:
            yield client
        server.shutdown()
        thread.join()


def mail(
    to: str, subject: str = "Ihr Code für die Wahl", text: str = "Grüße: 123456\n", html: str = "<p>123456</p>"
) -> EmailMessage:
    message = EmailMessage()
    message["To"], message["From"], message["Subject"] = to, "no-reply@voting.example", subject
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def test_a_mail_is_taken_and_told(box: MailBox, web: httpx.Client) -> None:
    (port,) = free_ports(1)
    smtp = Controller(Handler(box), hostname="127.0.0.1", port=port)
    smtp.start()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail("ada@example.org"))
        client.send_message(mail("bob@example.org"))
    smtp.stop()

    (told,) = web.get("/api/mails", params={"to": "ada@example.org"}).json()
    assert (told["to"], told["subject"]) == (["ada@example.org"], "Ihr Code für die Wahl")
    assert told["text"].strip() == "Grüße: 123456"
    assert [entry["number"] for entry in web.get("/api/mails").json()] == [1, 2]

    assert web.delete("/api/mails").status_code == 204
    assert web.get("/api/mails").json() == []


def test_nothing_in_a_mail_becomes_part_of_the_page(box: MailBox, web: httpx.Client) -> None:
    script = "<script>alert(1)</script>"
    box.add((f"{script}@example.org",), mail("ada@example.org", script, script).as_bytes())

    answer = web.get("/")

    assert script not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert answer.headers["content-security-policy"] == "default-src 'none'"


def test_a_mail_that_is_none_is_kept_as_far_as_it_goes(box: MailBox) -> None:
    box.add(("ada@example.org",), b"\xff\xfe no headers at all")

    (kept,) = box.mails()
    assert kept.subject == ""


def test_only_the_newest_mails_are_kept(box: MailBox) -> None:
    content = mail("ada@example.org").as_bytes()
    for _ in range(KEPT + 1):
        box.add(("ada@example.org",), content)

    assert [box.mails()[0].number, len(box.mails())] == [2, KEPT]


def test_the_page_shows_the_newest_first(box: MailBox, web: httpx.Client) -> None:
    for subject in ("first", "second"):
        box.add(("ada@example.org",), mail("ada@example.org", subject).as_bytes())

    text = page(box.mails())
    assert text.index("second") < text.index("first")
    assert web.get("/nothing").status_code == 404
    assert web.delete("/nothing").status_code == 404
    assert web.get("/healthz").status_code == 200
