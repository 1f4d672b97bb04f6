"""The kinds of argument of the command line, each checked before AWS is asked.

An empty text removes what an earlier command has set.
"""

import argparse
import ipaddress
import math
import re
import shlex
import zoneinfo
from collections.abc import Callable

LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAX_DOMAIN = 253


def stack_name(text: str) -> str:
    if not re.fullmatch("[a-z](-?[a-z0-9]){1,60}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name of a registry: small letters, digits and single hyphens"
        )
    return text


def repository(text: str) -> str:
    if not re.fullmatch(r"[\w-]+/[\w.-]+|[\w-]+@\d+/[\w.-]+@\d+", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no repository: OWNER/NAME, or OWNER@1/NAME@2 with the numbers "
            "that GitHub has for both"
        )
    return text


def domain(text: str) -> str:
    labels = text.split(".")
    is_name = len(labels) > 1 and all(LABEL.fullmatch(label) for label in labels)
    # a last label of digits is an address
    if text and (not is_name or labels[-1].isdigit() or len(text) > MAX_DOMAIN):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no domain: a name like model.example.org, in small letters, "
            "without https://"
        )
    return text


def cidr(text: str) -> str:
    """Return the range of addresses, with /32 where a single one is given.

    Raises
    ------
    ArgumentTypeError
        If it is none.
    """
    try:
        return str(ipaddress.IPv4Network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no range of IPv4 addresses such as 203.0.113.7/32: {error}"
        ) from error


def cron(text: str) -> str:
    if text and not re.fullmatch(r"cron\(\S+( \S+){5}\)", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no cron(...) with its six fields, such as "
            "cron(0 8 ? * MON-FRI *)"
        )
    return text


def time_zone(text: str) -> str:
    """Return the zone, UTC for an empty text.

    Raises
    ------
    ArgumentTypeError
        If this system has no zone of that name; one without zones takes any.
    """
    known = zoneinfo.available_timezones() - {"Factory", "localtime"}
    if text and known and text not in known:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time zone: a name of the IANA's, such as Europe/Berlin or UTC"
        )
    return text or "UTC"


def email(text: str) -> str:
    if text and not re.fullmatch("[^@ ]+@[^@ ]+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address such as ann@example.org"
        )
    return text


def engine(text: str) -> list[str]:
    """Return the words of a command that builds and pushes images.

    Raises
    ------
    ArgumentTypeError
        If there is none, or a quote does not end.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no command: {error}") from error
    if not words:
        raise argparse.ArgumentTypeError(
            "an empty text is no command: docker or podman"
        )
    return words


def whole(smallest: int, largest: int | None = None) -> Callable[[str], int]:
    """Return the kind of a whole number within its bounds."""
    bounds = f"{smallest} or more" if largest is None else f"{smallest} to {largest}"

    def number(text: str) -> int:
        is_number = re.fullmatch("[0-9]{1,9}", text)
        if not is_number or not smallest <= int(text) <= (largest or math.inf):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number, {bounds}")
        return int(text)

    return number


def hours_a_day(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 <= hours <= 24:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours, 0 to 24")
    return hours
