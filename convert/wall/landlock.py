"""Takes files, TCP and signals to others from this process, with Linux's Landlock.

Source of the numbers: linux/landlock.h and Documentation/userspace-api/landlock.rst.
"""

import contextlib
import os
import stat
import struct
from array import array
from collections.abc import Iterable

from convert.wall.libc import call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, of the same numbers on every machine."""

ASK_VERSION = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG = 1 << 7, 1 << 8
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in range(13, 16))

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
KEEP = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
KEEP |= TRUNCATE
"""All that can be done in a folder but what runs, links or stands for a device."""

OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

N_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
LATEST_N_RIGHTS = 16
"""Rights on files that a version knows; from the fifth on all that are named here."""

TCP, SCOPES = 0b11, 0b11
"""Bind and connect, from version 4 on; abstract sockets and signals, from 6 on."""

TCP_VERSION, SCOPES_VERSION = 4, 6


def version() -> int:
    """Return the kernel's version of Landlock.

    Raises
    ------
    OSError
        It has none, or does not let it be used.
    """
    return call("syscall", CREATE_RULESET, 0, 0, ASK_VERSION)


def restrict(allowed: Iterable[tuple[str, int]]) -> None:
    """Leave this process these rights below these paths, and no others.

    It needs no_new_privs. What is not there, or is a pipe, is left out.

    Raises
    ------
    OSError
        As for `version`.
    """
    found = version()
    handled = (1 << N_RIGHTS.get(found, LATEST_N_RIGHTS)) - 1
    network = [TCP] if found >= TCP_VERSION else []
    scopes = [SCOPES] if found >= SCOPES_VERSION else []
    ruleset = array("Q", [handled, *network, *scopes]).tobytes()
    rules = call("syscall", CREATE_RULESET, ruleset, len(ruleset), 0)
    try:
        for path, rights in allowed:
            with contextlib.suppress(OSError):
                _allow(rules, path, rights & handled)
        call("syscall", RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= OF_A_FILE
        beneath = struct.pack("=Qi", rights, opened)
        call("syscall", ADD_RULE, rules, PATH_BENEATH, beneath, 0)
    finally:
        os.close(opened)
