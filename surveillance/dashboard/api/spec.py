"""The declared operations as an OpenAPI 3.1 document: https://spec.openapis.org/oas/v3.1.0

Permissions and scopes in it are those that guard the views; schemas are those that requests are checked by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from surveillance import __version__
from surveillance.dashboard.api.declare import Operation, Resource
from surveillance.dashboard.api.models import NO_CONTROLS, Nothing
from surveillance.dashboard.api.problem import REFUSALS, Problem
from surveillance.dashboard.api.reading import JSON
from surveillance.dashboard.guards import PUBLIC, scopes_with
from surveillance.domain.permissions import PERMISSIONS

Document = dict[str, Any]
Modes = Mapping[tuple[Any, JsonSchemaMode], Document]
REF = "#/components/schemas/{model}"
DESCRIPTION = """\
Events, cameras, rules, doors and people of one site, as the pages of the dashboard show and edit them.

Programs send a token: `Authorization: Bearer svt_...`. Its scopes say what it may be used for, and it may be bound to
some cameras and doors; what lies beyond them does not exist for it. Scripts of the dashboard's own pages come with the
session's cookie and, where they change something, the header X-CSRFToken.

Errors are problems (RFC 9457). A request that does not read as this document says is refused with 400; one that reads
well, but that the site refuses, with 422. Lists come in pages: `older` is the address of the next one.

What is configured has a version. An edit that names the version it was made from, `?expected_version=`, is refused with
409 when somebody else was quicker; without one it counts for whatever is there.
"""
SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, with its scopes."},
    "session": {"type": "apiKey", "in": "cookie", "name": "surveillance_session", "description": "Who is signed in."},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "The `csrf-token` of a page."},
}


def document(resources: Iterable[Resource], root: str = "") -> Document:
    """The whole document; `root` is the path under which the dashboard is served."""
    resources = list(resources)
    operations = [operation for resource in resources for operation in resource.operations]
    schemas, components = _schemas(operations)
    paths: Document = {}
    for resource in resources:
        for operation in resource.operations:
            told = _operation(operation, resource, schemas)
            paths.setdefault(operation.path, {})[operation.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "Surveillance", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": root or "/"}],
        "tags": [{"name": resource.name, "description": resource.words} for resource in resources],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
    }


def _schemas(operations: Iterable[Operation]) -> tuple[Modes, Document]:
    """A reference for each model that comes in or goes out, and all that they refer to."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
        if operation.gives is not None:
            wanted[operation.gives, "serialization"] = None
    references, whole = models_json_schema(list(wanted), ref_template=REF)
    return references, whole["$defs"]


def _operation(operation: Operation, resource: Resource, schemas: Modes) -> Document:
    summary, description = operation.words
    told: Document = {"operationId": operation.id, "tags": [resource.name], "summary": summary.rstrip(".")}
    if description:
        told["description"] = description
    parameters = [*map(_name, operation.names), *_words(operation.query)]
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        content = {JSON: {"schema": schemas[operation.body, "validation"]}}
        told["requestBody"] = {"required": True, "content": content}
    return told | {"responses": _responses(operation, schemas)} | _guarded(operation)


def _name(name: str) -> Document:
    schema = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": NO_CONTROLS}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _words(query: type[BaseModel]) -> Iterable[Document]:
    """The words of a query as parameters."""
    if query is Nothing:
        return
    whole = query.model_json_schema(ref_template=REF)
    for name, schema in whole["properties"].items():
        given = _without_null(schema)
        description = given.pop("description", None)
        told: Document = {"name": name, "in": "query", "required": name in whole.get("required", ())}
        if description:
            told["description"] = description
        yield told | {"schema": given}


def _without_null(schema: Mapping[str, Any]) -> Document:
    """A word that may be left out is not null in an address."""
    rest = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    if rest.get("default", ...) is None:
        del rest["default"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})


def _responses(operation: Operation, schemas: Modes) -> Document:
    told: Document = {"description": "Done" if operation.gives is None else "The answer"}
    if operation.gives is not None:
        told["content"] = {JSON: {"schema": schemas[operation.gives, "serialization"]}}
    elif operation.media != JSON:
        told["content"] = {operation.media: {"schema": {"type": "string", "format": "binary"}}}
    responses = {str(operation.status): told}
    problem = {"application/problem+json": {"schema": schemas[Problem, "serialization"]}}
    for status in sorted(_refusals(operation)):
        responses[str(status)] = {"description": REFUSALS[status], "content": problem}
    return responses


def _refusals(operation: Operation) -> set[int]:
    """Every status of a problem that it may answer with."""
    found = {400, 429, 503, *operation.refusals}
    if operation.needs != PUBLIC:
        found |= {401, 403}
    if operation.names:
        found |= {404}
    if operation.body is not None:
        found |= {413, 415, 422}
    return found


def _guarded(operation: Operation) -> Document:
    """What guards it, as the declared permission and its table say."""
    if operation.needs == PUBLIC:
        return {"security": []}
    scopes, roles = scopes_with(operation.needs), PERMISSIONS[operation.needs]
    ways: list[Document] = []
    if scopes:
        ways.append({"token": scopes[:1]})
    if roles:
        ways.append({"session": []} if operation.method == "GET" else {"session": [], "csrf": []})
    return {"security": ways, "x-permission": operation.needs, "x-scopes": scopes, "x-roles": sorted(roles)}
