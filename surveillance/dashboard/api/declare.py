"""Declares operations: a view and its models in, a route that reads, checks and answers by them out.

What stands here once is both what requests are checked by and what the OpenAPI document says (see `spec`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel
from werkzeug.exceptions import NotFound

from surveillance.dashboard.api.models import Nothing
from surveillance.dashboard.api.reading import JSON, read_body, read_query

View = TypeVar("View", bound=Callable[..., Any])
PREFIX = "/api"
pages = Blueprint("api", __name__, url_prefix=PREFIX)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `refusals` are statuses that it answers with beside those that all have."""

    method: str
    path: str  # /api/cameras/{name}
    view: Callable[..., Any]
    query: type[BaseModel]
    body: type[BaseModel] | None
    gives: type[BaseModel] | None
    status: int
    media: str
    refusals: tuple[int, ...]

    @property
    def id(self) -> str:
        return self.view.__name__

    @property
    def needs(self) -> str:
        """The permission that its view declares."""
        return str(self.view.needs)  # type: ignore[attr-defined]

    @property
    def words(self) -> tuple[str, str]:
        """The first sentence of its view's docstring, and the rest."""
        first, _, rest = (self.view.__doc__ or "").strip().partition("\n")
        return first, re.sub(r"\n {4,}", "\n", rest).strip()

    @property
    def names(self) -> list[str]:
        """The parts of its path that vary."""
        return re.findall(r"{(\w+)}", self.path)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that something new is at `place`."""

    told: BaseModel
    place: str


@dataclass(slots=True)
class Resource:
    """The operations of one kind of thing, under one heading."""

    name: str
    words: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, rule: str, gives: type[BaseModel] | None, **more: Any) -> Callable[[View], View]:
        return self._declare("GET", rule, gives=gives, **more)

    def post(self, rule: str, gives: type[BaseModel] | None, **more: Any) -> Callable[[View], View]:
        return self._declare("POST", rule, gives=gives, **more)

    def put(self, rule: str, gives: type[BaseModel] | None, **more: Any) -> Callable[[View], View]:
        return self._declare("PUT", rule, gives=gives, **more)

    def delete(self, rule: str, gives: type[BaseModel] | None, **more: Any) -> Callable[[View], View]:
        return self._declare("DELETE", rule, gives=gives, **more)

    def _declare(
        self,
        method: str,
        rule: str,
        *,
        gives: type[BaseModel] | None,
        query: type[BaseModel] = Nothing,
        body: type[BaseModel] | None = None,
        status: int = 200,
        media: str = JSON,
        refusals: tuple[int, ...] = (),
    ) -> Callable[[View], View]:
        def declare(view: View) -> View:
            path = PREFIX + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
            made = Operation(method, path, view, query, body, gives, status, media, refusals)
            self.operations.append(made)
            pages.add_url_rule(rule, endpoint=made.id, view_func=_answering(made), methods=[method])
            return view

        return declare


def _answering(operation: Operation) -> Callable[..., Response]:
    """The view as Flask calls it, with what it declares."""

    @wraps(operation.view)
    def answer(**names: str) -> Response:
        if any(not text.isprintable() for text in names.values()):
            raise NotFound
        query = read_query(operation.query)
        given: dict[str, Any] = {} if operation.query is Nothing else {"query": query}
        if operation.body is not None:
            given["body"] = read_body(operation.body)
        return respond(operation.view(**names, **given), operation.status)

    return answer


def respond(told: Any, status: int) -> Response:
    """What a view returns as the answer: a model, something made, plain values, nothing, or a response of its own."""
    if isinstance(told, Response):
        return told
    if told is None:
        return Response(status=204)
    if isinstance(told, Made):
        answer = respond(told.told, 201)
        answer.headers["Location"] = told.place
        return answer
    if isinstance(told, BaseModel):
        return Response(told.model_dump_json(), status, mimetype=JSON)
    assert isinstance(told, Mapping)
    answer = jsonify(told)
    answer.status_code = status
    return answer
