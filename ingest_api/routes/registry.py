"""The schema registry's reading side, as Confluent's clients speak it: every topic can be decoded with what we serve.

Nothing can be registered here: schemas and their ids are fixed in `schemas.registry` and come with a release.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest_api.bodies import read_body
from ingest_api.refusals import BodyTooLarge, UnsupportedMediaType
from schemas.registry import RegisteredSchema, id_of, latest, schema_by_id, subjects, versions

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
ACCEPTED = frozenset(
    {MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json", "application/octet-stream"}
)
SCHEMA_BYTES_MAX = 1024 * 1024

# The registry's own error codes.
SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN = 40401, 40402, 40403
SCHEMA_INVALID, VERSION_INVALID, NOT_ALLOWED = 42201, 42202, 40301


class RegistryError(Exception):
    """An answer in the registry's error form; the status is in the code's first three digits."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def registry_routes() -> list[Route]:
    return [
        Route("/schemas/types", _answer(_types), methods=["GET"]),
        Route("/schemas/ids/{schema_id}", _answer(_schema), methods=["GET"]),
        Route("/schemas/ids/{schema_id}/versions", _answer(_places), methods=["GET"]),
        Route("/subjects", _answer(_subjects), methods=["GET"]),
        Route("/subjects/{subject}", _answer(_lookup), methods=["POST"]),
        Route("/subjects/{subject}/versions", _answer(_versions), methods=["GET"]),
        Route("/subjects/{subject}/versions", _answer(_register), methods=["POST"]),
        Route("/subjects/{subject}/versions/{version}", _answer(_version), methods=["GET"]),
    ]


def _answer(handle: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            value, status = await handle(request), 200
        except RegistryError as error:
            value, status = {"error_code": error.code, "message": str(error)}, error.code // 100
        return Response(json.dumps(value), status_code=status, media_type=MEDIA_TYPE)

    endpoint.__name__ = handle.__name__
    return endpoint


async def _types(_request: Request) -> Any:
    return ["AVRO"]


async def _schema(request: Request) -> Any:
    # Clients also name a subject, derived from the topic alone; an id means the same in all of them.
    return {"schema": _by_id(request).text}


async def _places(request: Request) -> Any:
    schema = _by_id(request)
    return [{"subject": subject, "version": _number(subject, schema)} for subject in schema.subjects]


async def _subjects(request: Request) -> Any:
    prefix = request.query_params.get("subjectPrefix", "")
    return [subject for subject in subjects() if subject.startswith(prefix)]


async def _versions(request: Request) -> Any:
    return list(range(1, len(_known(request)) + 1))


async def _version(request: Request) -> Any:
    known = _known(request)
    text = request.path_params["version"]
    if text in ("latest", "-1"):
        newest = latest(request.path_params["subject"])
        assert newest is not None, "a known subject has a version"
        return _described(request.path_params["subject"], newest)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise RegistryError(VERSION_INVALID, "The specified version is not a valid version id")
    if int(text) > len(known):
        raise RegistryError(VERSION_UNKNOWN, "Version not found.")
    return _described(request.path_params["subject"], known[int(text) - 1])


async def _lookup(request: Request) -> Any:
    _known(request)
    schema_id = id_of(request.path_params["subject"], await _schema_text(request))
    schema = schema_by_id(schema_id) if schema_id is not None else None
    if schema is None:
        raise RegistryError(SCHEMA_UNKNOWN, "Schema not found")
    return _described(request.path_params["subject"], schema)


async def _register(request: Request) -> Any:
    text = await _schema_text(request)
    schema_id = id_of(request.path_params["subject"], text)
    if schema_id is None:
        raise RegistryError(NOT_ALLOWED, "Schemas are fixed by the release; none can be registered here")
    return {"id": schema_id}


async def _schema_text(request: Request) -> str:
    try:
        body = json.loads(await read_body(request, bytes_max=SCHEMA_BYTES_MAX, media_types=ACCEPTED))
    except (BodyTooLarge, UnsupportedMediaType, ValueError, RecursionError):
        body = None
    text = body.get("schema") if isinstance(body, dict) else None
    if not isinstance(text, str) or body.get("schemaType", "AVRO") != "AVRO":
        raise RegistryError(SCHEMA_INVALID, 'The body must be {"schema": "..."} with an Avro schema')
    return text


def _by_id(request: Request) -> RegisteredSchema:
    text = request.path_params["schema_id"]
    schema = schema_by_id(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if schema is None:
        raise RegistryError(SCHEMA_UNKNOWN, "Schema not found")
    return schema


def _known(request: Request) -> tuple[RegisteredSchema, ...]:
    known = versions(request.path_params["subject"])
    if not known:
        raise RegistryError(SUBJECT_UNKNOWN, "Subject not found.")
    return known


def _number(subject: str, schema: RegisteredSchema) -> int:
    return versions(subject).index(schema) + 1


def _described(subject: str, schema: RegisteredSchema) -> dict[str, Any]:
    return {
        "subject": subject,
        "version": _number(subject, schema),
        "id": schema.schema_id,
        "schema": schema.text,
        "schemaType": "AVRO",
    }
