"""A registry for images on this machine, which a container engine pushes to.

It takes what the distribution specification of the Open Container Initiative has for a
push, with a password, and keeps it in memory.
"""

import base64
import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of a push; what is pushed is kept in the class."""

    protocol_version = "HTTP/1.1"
    user = ""
    push: Callable[[str, str], None]
    blobs: dict[str, bytes]

    def do_GET(self) -> None:
        self._answer(200 if self._may() else 401)

    def do_HEAD(self) -> None:
        blob = self.blobs.get(self.path.rpartition("/")[2])
        self._answer(404 if blob is None else 200, length=len(blob or b""))

    def do_POST(self) -> None:
        self._body()
        location = f"{urlsplit(self.path).path}{uuid.uuid4()}"
        self._answer(202 if self._may() else 401, Location=location)

    def do_PATCH(self) -> None:
        self.blobs[self.path] = self.blobs.get(self.path, b"") + self._body()
        end = len(self.blobs[self.path]) - 1
        self._answer(202, Location=self.path, Range=f"0-{end}")

    def do_PUT(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        content = self.blobs.pop(path, b"") + self._body()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if query.get("digest", [digest]) != [digest]:
            return self._answer(400)
        self.blobs[digest] = content
        if "/manifests/" in path:
            self.push(path.rpartition("/")[2], content.decode())
        return self._answer(201, Docker_Content_Digest=digest)

    def _may(self) -> bool:
        said = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(said).decode() == self.user

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(self, status: int, length: int = 0, **headers: str) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running_registry(user: str, push: Callable[[str, str], None]) -> Iterator[str]:
    """Serve an empty registry until the block ends, and give its address.

    Parameters
    ----------
    user
        Name and password, with a colon between.
    push
        Is called with the tag and the manifest of each image that is pushed.
    """
    kept = {"user": user, "push": staticmethod(push), "blobs": {}}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Handler,), kept))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
