"""Which web pages may ask: a browser says in `Origin` whose page it shows.

A page of somebody else's site can have its own name lead to this machine, and is then
asked as if it were of this server (DNS rebinding). Programs send no `Origin`.
"""

import re
from collections.abc import Collection

from server.contracts.contract import Headers
from server.contracts.mcp.message import INVALID_REQUEST, Refusal

ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(.+?)(?::\d+)?")
THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")


def require_origin(
    fields: Headers, hosts: Collection[str], origins: Collection[str]
) -> None:
    """Refuse pages of other hosts and origins than these and this machine.

    Parameters
    ----------
    origins
        As `--cors-origins` has them; `*` is every one.

    Raises
    ------
    Refusal
    """
    for name, value in fields:
        if name == b"origin":
            origin = value.decode("latin-1").lower()
            if origin in origins or "*" in origins:
                return
            found = ORIGIN.fullmatch(origin)
            if found is None or found[1] not in (*THIS_MACHINE, *hosts):
                said = f"A page of {origin!r} is not answered; --hosts and --cors-origins name what is."
                raise Refusal(INVALID_REQUEST, said, 403)
