"""Who may ask, by which name, and how often.

Keys are known by their SHA-256 only: whoever reads the file or the environment of the
server learns none of them. A key is 32 random bytes, so that a slow hash would guard
against nothing.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from server.bucket import Bucket
from server.model_file.content import read_text
from server.problems import MisdirectedRequest, TooManyRequests, Unauthorized
from server.settings import InvalidSetting, Settings

OPEN_PATHS = ("/livez", "/readyz")
"""What balancers ask, who have no key."""

DIGEST = re.compile(r"[0-9a-f]{64}")

MAX_CALLERS = 10_000
"""Whose rates are remembered; beyond them, whoever was silent longest is forgotten."""


class Rates:
    """How often each caller may ask.

    Parameters
    ----------
    per_second
        Requests a second, and at once after a pause; 0 is no limit.
    """

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._buckets: dict[str, Bucket] = {}

    def take(self, caller: str) -> None:
        """Count a request.

        Raises
        ------
        TooManyRequests
        """
        if not self.per_second:
            return
        bucket = self._buckets.pop(caller, None) or Bucket(self.per_second)
        self._buckets[caller] = bucket  # behind those who were silent longer
        if len(self._buckets) > MAX_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        if not bucket.take():
            raise TooManyRequests(
                f"More than {self.per_second} requests a second came."
            )


class Access:
    """Who may ask, and how often.

    Parameters
    ----------
    settings
        Its keys, hosts and rates; with none of these everybody may, always.

    Raises
    ------
    InvalidSetting
        A list of keys cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = {
            bytes.fromhex(digest): name for digest, name in _listed_keys(settings)
        }
        self._hosts = frozenset(settings.hosts.lower().split())
        self._of_key = Rates(settings.max_rate_per_key)
        self._of_address = Rates(settings.max_rate_per_address)
        self.has_rates = bool(
            settings.max_rate_per_key or settings.max_rate_per_address
        )

    def admit(self, path: str, fields: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the name of the key in the head of a request, "" where none is needed.

        Raises
        ------
        Unauthorized
            There are keys, and none of them is in the head.
        MisdirectedRequest
            There are hosts, and the request is for another.
        """
        if path in OPEN_PATHS or not (self._keys or self._hosts):
            return ""
        found = dict(fields)
        if self._hosts:
            host = found.get(b"host", b"").decode("latin-1").lower()
            if re.sub(r":\d*$", "", host) not in self._hosts:
                raise MisdirectedRequest(f"The host {host!r} is not served here.")
        return self._key_name(found) if self._keys else ""

    def count(self, key: str, address: str) -> None:
        """Count a request against the rates of its key and of its address.

        Raises
        ------
        TooManyRequests
        """
        self._of_address.take(address)
        if key:
            self._of_key.take(key)

    def _key_name(self, fields: dict[bytes, bytes]) -> str:
        scheme, _, key = fields.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            key = fields.get(b"x-api-key", b"")
        digest = hashlib.sha256(key.strip()).digest()
        names = [
            name
            for known, name in self._keys.items()
            if hmac.compare_digest(known, digest)
        ]
        if not names:
            given = "is not known" if key else "is missing"
            raise Unauthorized(
                f"The key {given}; send Authorization: Bearer KEY or X-API-Key: KEY."
            )
        return names[0]


def _listed_keys(settings: Settings) -> Sequence[tuple[str, str]]:
    lines = [
        (f"--keys, number {n}", text) for n, text in enumerate(settings.keys.split(), 1)
    ]
    if settings.keys_file:
        try:
            text = read_text(Path(settings.keys_file))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text in UTF-8"
            raise InvalidSetting(
                f"--keys-file {settings.keys_file}: {reason}"
            ) from error
        lines += [
            (f"{settings.keys_file}, line {n}", line)
            for n, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.startswith("#")
        ]
    keys = []
    for source, line in lines:
        digest, _, name = line.strip().partition(" ")
        if not DIGEST.fullmatch(digest):
            raise InvalidSetting(
                f"{source} is no SHA-256 of a key; expected 64 digits of base 16, as "
                "sha256sum prints them"
            )
        keys.append((digest, name.strip() or digest))
    if settings.keys_file and not keys:
        raise InvalidSetting(f"--keys-file {settings.keys_file} has no key")
    return keys
