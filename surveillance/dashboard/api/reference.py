"""The OpenAPI document as a page tells of it: rows for parameters and keys, and an example to try of each operation."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter or key. `kind` in words; `of` the schema that it is made of, if it has a name."""

    name: str
    kind: str
    of: str | None
    words: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    permission: str
    scopes: Sequence[str]
    roles: Sequence[str]
    parameters: Sequence[Row]
    body: str | None
    answers: Sequence[tuple[str, str, str | None]]  # status, words, schema
    example: str


class Reference:
    """One document, taken apart. `host` is where the examples ask."""

    def __init__(self, document: Mapping[str, Any], host: str) -> None:
        self._document = document
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self._host = host.rstrip("/")

    def resources(self) -> Iterator[tuple[Mapping[str, str], list[Told]]]:
        """Each tag with its operations, in the document's order."""
        told = [
            self._told(path, method, operation)
            for path, methods in self._document["paths"].items()
            for method, operation in methods.items()
        ]
        tags = {
            operation["operationId"]: operation["tags"][0]
            for methods in self._document["paths"].values()
            for operation in methods.values()
        }
        for tag in self._document["tags"]:
            yield tag, [one for one in told if tags[one.id] == tag["name"]]

    def schemas(self) -> Iterator[tuple[str, str, list[Row]]]:
        """Every named schema with its words and its keys."""
        for name, schema in sorted(self._schemas.items()):
            required = schema.get("required", ())
            yield (
                name,
                schema.get("description", ""),
                [_row(key, value, key in required) for key, value in schema.get("properties", {}).items()],
            )

    def _told(self, path: str, method: str, operation: Mapping[str, Any]) -> Told:
        body = _content(operation.get("requestBody", {}))
        return Told(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            permission=operation.get("x-permission", ""),
            scopes=operation.get("x-scopes", ()),
            roles=operation.get("x-roles", ()),
            parameters=[
                _row(one["name"], one["schema"] | {"description": one.get("description", "")}, one["required"])
                for one in operation.get("parameters", ())
            ],
            body=_named(body),
            answers=[
                (status, answer["description"], _named(_content(answer)))
                for status, answer in operation["responses"].items()
            ],
            example=self._example(path, method, operation, body),
        )

    def _example(self, path: str, method: str, operation: Mapping[str, Any], body: Schema) -> str:
        """A line of curl that can be tried once names are real ones."""
        filled = re.sub(r"{(\w+)}", lambda found: found[1].upper(), path)
        needed = [one for one in operation.get("parameters", ()) if one["in"] == "query" and one["required"]]
        if needed:
            filled += "?" + "&".join(f"{one['name']}={self.sample(one['schema'])}" for one in needed)
        parts = ["curl"] + ([] if method == "get" else [f"-X {method.upper()}"])
        if operation["security"]:
            parts.append('-H "Authorization: Bearer $TOKEN"')
        if body:
            parts.append("-H 'Content-Type: application/json'")
            parts.append(f"-d {shlex.quote(json.dumps(self.sample(body), ensure_ascii=False))}")
        return " \\\n  ".join([" ".join(parts[:3]), *parts[3:], shlex.quote(self._host + filled)])

    def sample(self, schema: Schema) -> Any:
        """A value that fits, as plain as can be."""
        if "$ref" in schema:
            return self.sample(self._schemas[schema["$ref"].removeprefix(REF)])
        for key in ("example", "default", "const"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            return self.sample(schema["anyOf"][0])
        if schema.get("type") == "object":
            required = schema.get("required", ())
            return {key: self.sample(value) for key, value in schema.get("properties", {}).items() if key in required}
        if schema.get("type") == "array":
            items = schema.get("prefixItems") or [schema.get("items", {})] * schema.get("minItems", 1)
            return [self.sample(item) for item in items]
        plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 0.5), "boolean": True}
        return plain.get(str(schema.get("type")), "2026-12-24T08:00:00Z" if "format" in schema else "...")


def _content(part: Mapping[str, Any]) -> Schema:
    """The schema of a body or answer; empty where it has none."""
    return next((content["schema"] for content in part.get("content", {}).values()), {})


def _named(schema: Schema) -> str | None:
    return schema["$ref"].removeprefix(REF) if "$ref" in schema else None


def _row(name: str, schema: Schema, required: bool) -> Row:
    kind, of = _kind(schema)
    limits = [f"{word} {schema[key]}" for key, word in LIMITS.items() if key in schema]
    return Row(name, ", ".join([kind, *limits]), of, schema.get("description", ""), required)


LIMITS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"}


def _kind(schema: Schema) -> tuple[str, str | None]:
    """In words, and the named schema in it."""
    if "$ref" in schema:
        return _named(schema) or "", _named(schema)
    if "anyOf" in schema:
        parts = [_kind(part) for part in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kind for kind, _ in parts)), next((of for _, of in parts if of), None)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"])), None
    if schema.get("type") == "array" and "items" in schema:
        kind, of = _kind(schema["items"])
        return f"list of {kind}", of
    if schema.get("format") == "date-time":
        return "time (RFC 3339)", None
    if schema.get("writeOnly"):
        return "string, never told", None
    return str(schema.get("type", "any value")), None
