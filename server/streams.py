"""The standard streams of a program, whatever it was started with."""

import os
import sys


def open_streams() -> None:
    """Let nothing else take the place of a closed one, and let any text be written.

    What is opened takes the lowest number that is free. Without a standard error that
    would be a connection: what a library of C says would go to a client, and libuv ends
    the process as soon as it closes one.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # what would go there is for nobody
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        else:
            getattr(sys, name).reconfigure(errors="backslashreplace")


def discard(*descriptors: int) -> None:
    """Let Python write what is left for these to nowhere, which it does at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)


def discard_unwritten() -> None:
    """Let what could not be said go nowhere: at the exit it would be a failure, 120."""
    try:
        sys.stderr.flush()
    except OSError:
        discard(2)
