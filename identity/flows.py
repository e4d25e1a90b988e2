"""A self-service flow of Kratos as a page: what is shown of it, section by section, and nothing else of what Kratos sends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

# What Kratos leaves out, so that browsers and assistive tools can fill it in (WCAG 2.2, 1.3.5).
_AUTOCOMPLETE = {
    "identifier": "username",
    "email": "email",
    "traits.name": "name",
    "code": "one-time-code",
    "totp_code": "one-time-code",
    "lookup_secret": "off",
    "webauthn_register_displayname": "off",
}
# Buttons that take something away. Each has a form of its own, so that Enter in a field never presses one.
_DESTRUCTIVE = ("_remove", "_unlink", "_disable")
# Functions of Kratos's webauthn.js that a button or a page may start. No other name gets into a page.
TRIGGERS = frozenset(
    {
        "oryWebAuthnRegistration",
        "oryWebAuthnLogin",
        "oryPasskeyLogin",
        "oryPasskeyLoginAutocompleteInit",
        "oryPasskeyRegistration",
        "oryPasskeySettingsRegistration",
    }
)


@dataclass(frozen=True)
class Message:
    """``id`` says what it means (Kratos's text/id.go), ``text`` says it, ``context`` holds what it speaks of."""

    id: int
    text: str
    is_error: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            id=int(document["id"]),
            text=document["text"],
            is_error=document["type"] == "error",
            context=document.get("context") or {},
        )


@dataclass(frozen=True)
class Field:
    """An ``<input>``; where ``type`` is ``submit`` or ``button``, a button. ``label`` is what a person reads.

    ``trigger`` is the function of Kratos's script that the button starts, ``on_load`` the one that the page starts.
    """

    group: str
    name: str
    type: str
    value: str
    label: Message | None
    required: bool
    disabled: bool
    autocomplete: str
    messages: tuple[Message, ...]
    trigger: str
    on_load: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        attributes = document["attributes"]
        value = attributes.get("value")
        label = (document.get("meta") or {}).get("label")
        return cls(
            group=document["group"],
            name=attributes["name"],
            type=attributes["type"],
            value="" if value is None else str(value),
            label=Message.from_json(label) if label else None,
            required=attributes.get("required") is True,
            disabled=attributes.get("disabled") is True,
            autocomplete=attributes.get("autocomplete") or _AUTOCOMPLETE.get(attributes["name"], ""),
            messages=_messages(document),
            trigger=_known(attributes.get("onclickTrigger")),
            on_load=_known(attributes.get("onloadTrigger")),
        )

    @property
    def id(self) -> str:
        """Unique in a section, and usable as the value of an HTML attribute that refers to it."""
        return f"field-{self.group}-{self.name}".replace(".", "-")

    @property
    def has_error(self) -> bool:
        return any(message.is_error for message in self.messages)

    @property
    def is_button(self) -> bool:
        return self.type in {"submit", "button"}

    @property
    def is_destructive(self) -> bool:
        return self.type == "submit" and self.name.endswith(_DESTRUCTIVE)


@dataclass(frozen=True)
class Image:
    """A picture that Kratos sends inline (``data:``), such as the QR code of an authenticator app."""

    group: str
    source: str
    width: int
    height: int
    label: Message | None
    is_button: ClassVar[bool] = False


@dataclass(frozen=True)
class Text:
    """Something to read and keep: a secret, a list of codes."""

    group: str
    label: Message | None
    lines: tuple[str, ...]
    is_button: ClassVar[bool] = False


@dataclass(frozen=True)
class Script:
    """Kratos's webauthn.js. ``integrity`` is the only content that the browser runs (Subresource Integrity)."""

    integrity: str


@dataclass(frozen=True)
class Section:
    """A form of a page: the nodes of some groups, and what every form of the flow has to send (``hidden``)."""

    group: str
    hidden: tuple[Field, ...]
    shown: tuple[Field | Image | Text, ...]
    removals: tuple[Field, ...]


@dataclass(frozen=True)
class Flow:
    """Forms that the browser posts straight to Kratos. ``return_to`` is where Kratos leads afterwards, if that was asked for."""

    action: str
    method: str
    nodes: tuple[Field | Image | Text, ...]
    script: Script | None
    messages: tuple[Message, ...]
    return_to: str | None
    state: str
    aal: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        ui = document["ui"]
        nodes: list[Field | Image | Text] = []
        script = None
        for node in ui["nodes"]:
            if node["type"] == "input":
                nodes.append(Field.from_json(node))
            elif node["type"] == "img":
                nodes.append(_image(node))
            elif node["type"] == "text":
                nodes.append(_text(node))
            elif node["type"] == "script":
                script = Script(str(node["attributes"]["integrity"]))
        return cls(
            action=ui["action"],
            method=ui["method"],
            nodes=tuple(nodes),
            script=script,
            messages=_messages(ui),
            return_to=document.get("return_to") or None,
            state=document.get("state") or "",
            aal=document.get("requested_aal") or "",
        )

    @property
    def wrong_fields(self) -> list[Field]:
        """The fields that something is wrong with."""
        return [node for node in self.nodes if isinstance(node, Field) and node.has_error]

    def whole(self) -> Section:
        """Everything in one form, the way to sign in or register that needs a field before the one that needs a script."""
        return self._section("whole", self.nodes)

    def sections(self, groups: Iterable[str]) -> tuple[Section, ...]:
        """One form for each of these groups that the flow has something of."""
        found = []
        for group in groups:
            nodes = [node for node in self.nodes if node.group == group]
            if nodes:
                common = [node for node in self.nodes if node.group == "default"]
                found.append(self._section(group, [*common, *nodes]))
        return tuple(found)

    def _section(self, group: str, nodes: Iterable[Field | Image | Text]) -> Section:
        fields = list(nodes)
        hidden = tuple(node for node in fields if isinstance(node, Field) and node.type == "hidden")
        removals = tuple(node for node in fields if isinstance(node, Field) and node.is_destructive)
        rest = [node for node in fields if node not in hidden and node not in removals]
        rest.sort(key=_place)
        return Section(group, hidden, tuple(rest), removals)


# In a form: what is to be filled in, then the buttons, those that need a script last, so that Enter presses one that needs none.
_PLACES = {"submit": 1, "button": 2}


def _place(node: Field | Image | Text) -> int:
    return _PLACES.get(node.type, 0) if isinstance(node, Field) else 0


def _image(node: Mapping[str, Any]) -> Image:
    attributes = node["attributes"]
    source = str(attributes["src"])
    if not source.startswith("data:image/"):
        raise ValueError("a picture from elsewhere")
    label = (node.get("meta") or {}).get("label")
    return Image(
        node["group"], source, int(attributes["width"]), int(attributes["height"]), Message.from_json(label) if label else None
    )


def _text(node: Mapping[str, Any]) -> Text:
    text = node["attributes"]["text"]
    context = text.get("context") or {}
    secrets = context.get("secrets")
    lines = tuple(str(entry["text"]) for entry in secrets) if secrets else (str(text["text"]),)
    label = (node.get("meta") or {}).get("label")
    return Text(node["group"], Message.from_json(label) if label else None, lines)


def _known(trigger: object) -> str:
    return trigger if isinstance(trigger, str) and trigger in TRIGGERS else ""


def _messages(document: Mapping[str, Any]) -> tuple[Message, ...]:
    return tuple(Message.from_json(entry) for entry in document.get("messages") or [])
