"""Exit with 0 if the server in this container is ready; the image has no curl.

It asks at PINION_PORT: another port is set there, not with --port.
"""

import os
import socket
import sys

REQUEST = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

address = ("127.0.0.1", int(os.environ["PINION_PORT"]))
with socket.create_connection(address, timeout=4) as connection:
    connection.sendall(REQUEST)
    sys.exit(not connection.recv(64).startswith(b"HTTP/1.1 200 "))
