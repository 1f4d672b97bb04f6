"""The C library of Linux, with its errors as Python's."""

import ctypes
import os


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library that returns -1 where it fails.

    Raises
    ------
    OSError
        The system refuses, or there is no such function.
    """
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(f"this C library has no {name}")
    result: int = function(*map(_native, arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    return result


def _native(argument: object) -> object:
    """Return an integer as wide as a register, which a variadic function reads."""
    return ctypes.c_long(argument) if isinstance(argument, int) else argument
