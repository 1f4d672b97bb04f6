"""All models as tools, over Streamable HTTP: one message a request, one JSON object back.

Nothing is remembered from one request to the next: clients of older revisions, who begin
with `initialize`, get no session.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from server.contracts.contract import Answer, Headers
from server.contracts.mcp.message import (
    INVALID_PARAMS,
    UNKNOWN_METHOD,
    Message,
    Refusal,
    answered,
    id_of,
    message_of,
    refused,
    require_plain_json,
)
from server.contracts.mcp.origin import require_origin
from server.contracts.mcp.revision import META, MODERN, OLDER, is_modern
from server.contracts.mcp.tool import Tool
from server.contracts.predict.faults import read_json
from server.contracts.predict.size import require_few_values
from server.problems import Problem

SERVER = {"name": "pinion", "version": "1"}  # ours is for nobody to know who may not
CAPABILITIES: Mapping[str, Any] = {"tools": {}}

FRESH = {"ttlMs": 60_000, "cacheScope": "private"}
"""For how long a client need not ask again, and that it keeps the answer to itself."""

MAX_VALUES_BESIDE = 1000
"""In a message that calls a tool, besides the row."""

Result = Mapping[str, Any]


class Tools:
    """The models of a server, for assistants.

    Parameters
    ----------
    tools
        By name, in the order in which they are listed.
    hosts
        Names in `Origin` that are answered, beside those of this machine.
    origins
        Whole origins that are, as `--cors-origins` has them.
    """

    def __init__(self, tools: Mapping[str, Tool], hosts: str, origins: str) -> None:
        self._tools = tools
        self._hosts = hosts.lower().split()
        self._origins = origins.lower().split()
        most = max(each.n_arguments for each in tools.values())
        self._max_values = MAX_VALUES_BESIDE + most

    async def answer(
        self, fields: Headers, read: Callable[[], Awaitable[bytes]]
    ) -> Answer:
        """Return the answer to a request, whose body `read` waits for."""
        number, modern = None, True
        try:
            require_origin(fields, self._hosts, self._origins)
            require_plain_json(fields)
            body = await read()
            require_few_values(body, 1, self._max_values)
            document = read_json(body)
            number = id_of(document)
            message = message_of(document)
            modern = is_modern(message, fields)
            if not message.is_request:
                return Answer(b"", b"", 202)
            result = await self._result(message, modern)
        except Refusal as refusal:
            # clients of older revisions give up where the status is no success
            status = refusal.status if modern else 200
            return answered(number, status, error=refusal.error)
        except Problem as problem:
            return refused(number, problem)
        return answered(number, result=result)

    async def _result(self, message: Message, modern: bool) -> Result:
        params = message.params or {}
        match message.method:
            case "tools/call":
                result = await self._call(params)
            case "tools/list":
                listed = [each.described for each in self._tools.values()]
                result = {"tools": listed, **FRESH}
            case "server/discover" if modern:
                result = {"supportedVersions": [MODERN, *OLDER], **FRESH}
                result |= {"capabilities": CAPABILITIES}
            case "initialize" if not modern:
                asked = params.get("protocolVersion")
                version = asked if asked in OLDER else OLDER[0]
                result = {"protocolVersion": version, "capabilities": CAPABILITIES}
                result |= {"serverInfo": SERVER}
            case "ping" if not modern:
                result = {}
            case method:
                raise Refusal(UNKNOWN_METHOD, f"There is no method {method!r}.", 404)
        about = {"resultType": "complete", "_meta": {f"{META}serverInfo": SERVER}}
        return {**about, **result} if modern else result

    async def _call(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or name not in self._tools:
            names = ", ".join(self._tools)
            said = f"There is no tool {name!r}; the tools are: {names}."
            raise Refusal(INVALID_PARAMS, said)
        if not isinstance(arguments, dict | None):
            raise Refusal(INVALID_PARAMS, "Expected arguments in an object, by name.")
        return await self._tools[name].call(arguments or {})
