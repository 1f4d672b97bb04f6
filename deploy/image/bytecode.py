"""Start the server once, use it, and keep the byte-code of what that loaded.

python3 bytecode.py FOLDER MODELS

Debian's Python comes without byte-code for its standard library, and compiling at each
start takes longer than everything else. The files are marked as not to be checked
against their sources, which do not change in an image.
"""

import importlib.util
import json
import os
import py_compile
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

VISITED = (
    *("/", "/livez", "/readyz", "/models", "/metrics", "/openapi.json", "/docs"),
    "/missing",
)


def main(folder: Path, models_folder: Path) -> None:
    """Fill `folder`, the PYTHONPYCACHEPREFIX of the image."""
    command = [sys.executable, "-m", "server", "--port", "0"]
    environment = os.environ | {
        "PYTHONPYCACHEPREFIX": str(folder),
        "PINION_MODELS_FOLDER": str(models_folder),
    }
    with subprocess.Popen(  # noqa: S603 - no part of it comes from outside
        command, env=environment, stderr=subprocess.PIPE, text=True
    ) as server:
        _use(server)
        server.send_signal(signal.SIGTERM)
    if server.returncode:
        sys.exit(f"bytecode.py: the server stopped with {server.returncode}")
    sys.pycache_prefix = str(folder)
    for path in folder.rglob("*.pyc"):
        _compile_unchecked(path)


def _use(server: subprocess.Popen[str]) -> None:
    connection = HTTPConnection(_address(server), timeout=600)
    for path in VISITED:
        _send(connection, "GET", path)
    model = json.loads(_send(connection, "GET", "/models"))["models"][0]["name"]
    signature = json.loads(_send(connection, "GET", f"/models/{model}"))
    row = signature["golden_rows"][0]["row"]
    bodies: tuple[object, ...] = (row, [row], {})
    for body in bodies:
        _send(connection, "POST", f"/models/{model}/predict", json.dumps(body))
    _send(connection, "PUT", f"/models/{model}/predict", "a file\n")
    for path in ("/mcp", f"/v2/models/{model}/infer", f"/models/{model}/invocations"):
        _send(connection, "POST", path, "{}")
    connection.close()


def _address(server: subprocess.Popen[str]) -> str:
    """Return where it listens; onnxruntime warns first of processors it does not know."""
    assert server.stderr is not None  # noqa: S101 - it is a pipe
    said = ""
    for line in server.stderr:
        said += line
        if found := re.match(r"serving .* on http://(\S+)$", line):
            return found[1]
    sys.exit(f"bytecode.py: the server did not start: {said}")


def _send(connection: HTTPConnection, method: str, path: str, body: str = "") -> bytes:
    connection.request(method, path, body or None, {"accept": "text/html"})
    return connection.getresponse().read()


def _compile_unchecked(path: Path) -> None:
    py_compile.compile(
        importlib.util.source_from_cache(str(path)),
        cfile=str(path),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
