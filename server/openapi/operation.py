"""An operation: what of it the document and the page are made of."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from server.openapi.shapes import PROBLEM, Shape
from server.problems import Problem

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

Schema = Mapping[str, Any]
"""Of JSON, in the dialect of OpenAPI 3.1."""


class Ask(Struct, frozen=True, kw_only=True):
    """A request that shows an operation.

    Parameters
    ----------
    name
        What it shows, in words.
    status
        Of its answer.
    kind
        Media type of the body.
    places
        What stands in the path, where it is not the parameter's own example.
    """

    name: str
    status: int = 200
    body: bytes = b""
    kind: str = JSON
    query: Mapping[str, str] = {}
    accept: str = ""
    places: Mapping[str, str] = {}

    def fields(self) -> dict[str, str]:
        """Return what its head says."""
        said = {"Content-Type": self.kind} if self.body else {}
        return said | ({"Accept": self.accept} if self.accept else {})


class Operation(Struct, frozen=True, kw_only=True):
    """What one method of one path does.

    Parameters
    ----------
    route
        The path as the router has it.
    path
        As it is told, where that has the name of a model in it.
    name
        Of the function in a client that is generated.
    tag
        Of the operations that it is shown with.
    bodies
        By media type.
    answers
        By status and media type.
    refusals
        What it refuses by itself, in its own `shape`.
    fields
        Names of the answer's head, with what each says.
    """

    method: str
    route: str
    path: str = ""
    name: str
    tag: str
    summary: str
    description: str = ""
    parameters: Sequence[Schema] = ()
    bodies: Mapping[str, Schema] = {}
    answers: Mapping[int, Mapping[str, Schema]] = {}
    refusals: Sequence[type[Problem]] = ()
    shape: Shape = PROBLEM
    fields: Mapping[str, str] = {}
    asks: Sequence[Ask] = ()

    @property
    def told(self) -> str:
        return self.path or self.route

    def path_of(self, ask: Ask) -> str:
        """Return the path that a request is for, as a URL has it."""
        path = self.told
        for parameter in self.parameters:
            if parameter["in"] == "path":
                name = parameter["name"]
                value = ask.places.get(name, parameter["example"])
                path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return path

    def target_of(self, ask: Ask) -> str:
        """Return the path with the query."""
        query = urlencode(ask.query, quote_via=quote, safe=",")
        return self.path_of(ask) + (f"?{query}" if query else "")


def in_path(name: str, choices: Sequence[str], description: str) -> Schema:
    """Return a parameter of a path, shown with the first of its choices."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "enum": [*choices]},
        "example": choices[0],
    }
