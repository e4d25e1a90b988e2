"""A self-service flow of Kratos as a form: what the page shows, and nothing else of what Kratos sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

# What Kratos leaves out, so that browsers and assistive tools can fill it in (WCAG 2.2, 1.3.5).
_AUTOCOMPLETE = {"identifier": "username", "traits.name": "name"}


@dataclass(frozen=True)
class Message:
    text: str
    is_error: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(text=document["text"], is_error=document["type"] == "error")


@dataclass(frozen=True)
class Field:
    """An ``<input>`` or, where ``type`` is ``submit``, a button. ``label`` is what a person reads."""

    name: str
    type: str
    value: str
    label: str
    required: bool
    autocomplete: str
    messages: tuple[Message, ...]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        attributes = document["attributes"]
        value = attributes.get("value")
        return cls(
            name=attributes["name"],
            type=attributes["type"],
            value="" if value is None else str(value),
            label=(document.get("meta", {}).get("label") or {}).get("text", attributes["name"]),
            required=attributes.get("required") is True,
            autocomplete=attributes.get("autocomplete") or _AUTOCOMPLETE.get(attributes["name"], ""),
            messages=_messages(document),
        )

    @property
    def id(self) -> str:
        """Unique in the page, and usable as the value of an HTML attribute that refers to it."""
        return "field-" + self.name.replace(".", "-")

    @property
    def has_error(self) -> bool:
        return any(message.is_error for message in self.messages)


@dataclass(frozen=True)
class Flow:
    """A form that the browser posts straight to Kratos. ``return_to`` is where Kratos leads afterwards, if that was asked for."""

    action: str
    method: str
    fields: tuple[Field, ...]
    messages: tuple[Message, ...]
    return_to: str | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        ui = document["ui"]
        return cls(
            action=ui["action"],
            method=ui["method"],
            fields=tuple(Field.from_json(node) for node in ui["nodes"] if node["type"] == "input"),
            messages=_messages(ui),
            return_to=document.get("return_to") or None,
        )


def _messages(document: Mapping[str, Any]) -> tuple[Message, ...]:
    return tuple(Message.from_json(entry) for entry in document.get("messages") or [])
