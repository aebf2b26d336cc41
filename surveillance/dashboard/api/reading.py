"""A request into the models of its operation. What does not read as the document says is a 400."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from flask import request
from flask_babel import gettext as _
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, UnprocessableEntity, UnsupportedMediaType

from surveillance.storage.site_file import path_text

Model = TypeVar("Model", bound=BaseModel)
JSON = "application/json"


class Unreadable(BadRequest):
    """`faults` are (place, words), the place as in `zones[0].points`. No fault repeats a value that was sent."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(in_words(faults))
        self.more = told(faults)


class Refused(UnprocessableEntity):
    """What reads as the document says, but is found wrong by what no schema can say."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(in_words(faults))
        self.more = told(faults)


def in_words(faults: list[tuple[str, str]]) -> str:
    return "; ".join(f"{place}: {words}" if place else words for place, words in faults)


def told(faults: list[tuple[str, str]]) -> dict[str, Any]:
    return {"errors": [{"place": place, "detail": words} for place, words in faults]}


def read_query(model: type[Model]) -> Model:
    """The words after the `?`, each at most once unless the model has a list for it."""
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Unreadable([(name, _("is there more than once"))])
        given[name] = values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Unreadable(faults_of(error)) from None


def read_body(model: type[Model]) -> Model:
    """The JSON that was sent; a body without a content type counts as JSON."""
    if request.mimetype not in ("", JSON):
        raise UnsupportedMediaType(_("Send JSON, with Content-Type: application/json."))
    sent = _as_numbers_are_meant(request.get_data())
    try:
        read = model.model_validate_json(sent, strict=True)
    except ValidationError as error:
        if all(fault["type"] == "value_error" for fault in error.errors(include_url=False)):
            raise Refused(faults_of(error)) from None
        raise Unreadable(faults_of(error)) from None
    if b"\\u0000" in sent:
        raise Refused([("", _("no text may hold a NUL"))])
    return read


def _as_numbers_are_meant(sent: bytes) -> bytes:
    """In JSON 3.0 is the whole number 3; there is no NaN. What is no JSON stays for the model to refuse."""
    try:
        return json.dumps(json.loads(sent, parse_float=_number, parse_constant=_no_number)).encode()
    except (ValueError, RecursionError):
        return sent


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _no_number(word: str) -> None:
    raise Unreadable([("", _("%(word)s is no JSON", word=word))])


def faults_of(error: ValidationError) -> list[tuple[str, str]]:
    """Every fault with its place, in plain words."""
    return [(path_text(tuple(fault["loc"])), _worded(fault)) for fault in error.errors(include_url=False)]


def _worded(fault: Any) -> str:
    if fault["type"] == "missing":
        return _("is missing")
    if fault["type"] == "extra_forbidden":
        return _("is not known here")
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return str(fault["msg"]).removeprefix("Input ")
