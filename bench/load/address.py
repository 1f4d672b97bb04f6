"""Where a server listens, and single questions to it, outside any measurement."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from bench.errors import Refusal


@dataclass(frozen=True)
class Address:
    """Of a server: `prefix` is the path in front of its routes, mostly empty."""

    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise Refusal(
                f"{url!r} is no address that can be measured: "
                "give one such as http://localhost:8080"
            )
        try:
            port = parts.port or 80
        except ValueError as error:
            raise Refusal(f"{url!r} has no usable port: {error}") from error
        return cls(parts.hostname, port, parts.path.rstrip("/"))

    def __str__(self) -> str:
        return f"http://{self.authority}{self.prefix}"

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, timeout_s: float = 10
    ) -> tuple[int, bytes]:
        """Return the status and the body of one answer.

        Raises
        ------
        Refusal
            Nothing that speaks HTTP answered in time.
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            connection.request(method, self.prefix + path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionRefusedError as error:
            raise Refusal(
                f"nothing listens on {self.authority}: start the server first "
                f"(python -m server --port {self.port}), or correct the address"
            ) from error
        except TimeoutError as error:
            raise Refusal(
                f"{self} did not answer {method} {path} within {timeout_s:g} s: "
                "look at the server's log"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Refusal(
                f"{self} could not be asked for {path} ({type(error).__name__} {error})"
                ": check host and port, and that an HTTP server listens there"
            ) from error
        finally:
            connection.close()

    def read_json(self, path: str) -> Any:
        """Return what the server's own JSON at `path` says.

        Raises
        ------
        Refusal
            The answer is an error or no JSON.
        """
        status, body = self.ask("GET", path)
        try:
            if status == http.HTTPStatus.OK:
                return json.loads(body)
        except ValueError:
            pass
        raise Refusal(
            f"GET {self}{path} answered {status} without a model's JSON: this is no "
            "Pinion server, or its address has another path (usually it has none, as "
            f"in http://{self.authority})"
        )
