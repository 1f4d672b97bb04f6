"""What stands before the application: what settings ask for, and heads of requests do.

Each part is imported when a setting, or the first request, asks for it.
"""

import re
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from server.contracts.contract import Headers
from server.http.asgi import Application, Message, Receive, Scope, Send
from server.settings import InvalidSetting, Settings

if TYPE_CHECKING:
    from server.access_log import AccessLog
    from server.cors import Cors
    from server.proxies import Proxies

Fields = list[tuple[bytes, bytes]]

IDS = (b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id")
"""Each is sent back by its own name; the last two are Azure's."""

UNIQUE = {
    *IDS,
    b"traceparent",
    b"b3",
    b"x-b3-spanid",
    b"x-amzn-trace-id",
    b"x-cloud-trace-context",
    b"x-correlation-id",
    b"cf-ray",
    b"sentry-trace",
}
"""Fields that no two requests have in common: a head with one of them is not kept."""

ROOT_PATH = r"(/[A-Za-z0-9_.~-]+)+"


class Edge:
    """An application, and around it what is asked for.

    Parameters
    ----------
    inside
        Answers what comes through.

    Raises
    ------
    InvalidSetting
        A part cannot be made of its setting.

    Attributes
    ----------
    root_path
        Before each path, for whoever asks through a proxy; it may be left out.
    cors, log, proxies
        None where they are not asked for.
    """

    def __init__(self, inside: Application, settings: Settings) -> None:
        self._inside = inside
        self.root_path = settings.root_path
        if self.root_path and not re.fullmatch(ROOT_PATH, self.root_path):
            raise InvalidSetting(
                f"--root-path is {self.root_path!r}; expected a path such as /models-api, "
                "with no slash at its end"
            )
        self.cors = _cors(settings.cors_origins)
        self.proxies = _proxies(settings.trusted_proxies)
        self.log = _log(settings.access_log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.proxies is not None:
            self.proxies.reveal(scope)
        scope["path"] = self.inner_path(scope["path"])
        if self.log is not None:
            await self.log.watch(self._answer, scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    def inner_path(self, path: str) -> str:
        """Return the path that is asked for, whether a proxy left the prefix or not."""
        root = self.root_path
        if root and (path == root or path.startswith(f"{root}/")):
            return path[len(root) :] or "/"
        return path

    def fields(self, headers: Headers, names: Set[bytes]) -> Fields:
        """Return what is said in the head of every answer to such a request.

        Parameters
        ----------
        names
            Those of the headers.
        """
        found: Fields = []
        if self.cors is not None:
            found += self.cors.fields(headers)
        if not names.isdisjoint(IDS):
            from server.request_id import echoed

            found += echoed(headers)
        return found

    def close(self) -> None:
        """Let what is left be written."""
        if self.log is not None:
            self.log.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        if self.cors is not None:
            head = self.cors.preflight(scope["method"], headers)
            if head is not None:
                await _send_head(send, head)
                return
        names = {name for name, _ in headers}
        fields = self.fields(headers, names)
        if fields:
            send = _with_fields(send, fields)
        if b"accept-encoding" in names:
            from server.compression import compressing

            send = compressing(send, headers)
        if b"prefer" in names:
            from server.timing import is_wanted, timed

            if is_wanted(headers):
                receive, send = timed(receive, send)
        await self._inside(scope, receive, send)


def _cors(origins: str) -> "Cors | None":
    if not origins:
        return None
    from server.cors import Cors

    return Cors(origins)


def _proxies(addresses: str) -> "Proxies | None":
    if not addresses:
        return None
    from server.proxies import Proxies

    return Proxies(addresses)


def _log(stream: str) -> "AccessLog | None":
    if not stream:
        return None
    from server.access_log import AccessLog

    return AccessLog(stream)


def _with_fields(send: Send, fields: Fields) -> Send:
    """Return `send` such that each head has these fields, too."""

    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *fields]}
        await send(message)

    return send_with_fields


async def _send_head(send: Send, fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Send an answer that is nothing but its head."""
    await send({"type": "http.response.start", "status": 204, "headers": fields})
    await send({"type": "http.response.body", "body": b""})
