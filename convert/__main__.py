"""The command line: ``python -m convert COMMAND …``."""

import argparse
import logging
import os
import sys
from importlib import import_module

from convert.refusal import Refusal

COMMANDS = {
    "train": "convert.train",
    "export": "convert.conversion",
    "explore": "convert.explore.command",
    "compare": "convert.compare.command",
    "verify": "convert.verify",
    "inspect": "convert.inspect",
}
"""Command → module with `add_parser`, which sets `run`; that returns what is printed,
or an exit code. Only the module that is asked for is imported: some take seconds, and
beside an old scikit-learn some cannot be imported."""


OUTPUT_CUT = 128 + 13
"""As a shell has it for a command that SIGPIPE ends."""


def main(words: list[str]) -> int:
    """Run one command and return the exit code.

    Returns
    -------
    0, 2 (refused), 130 (interrupted), or 141 (who read the output reads no more)
    """
    try:
        try:
            return _run(words)
        finally:
            print(end="", flush=True)  # at the exit nobody could catch what that raises
    except BrokenPipeError:
        _discard(1, 2)
        return OUTPUT_CUT
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    except OSError as error:
        _discard(1)
        print(f"refused: the output: {error.strerror}", file=sys.stderr)
        return 2


def _discard(*descriptors: int) -> None:
    """Let Python write what is left for these to nowhere, which it does at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="From a table or a fitted pipeline to one proved ONNX file.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    asked = [name for name in COMMANDS if name in words[:1]]
    try:
        for name in asked or COMMANDS:
            import_module(COMMANDS[name]).add_parser(commands)
    except ModuleNotFoundError as error:
        print(
            f"refused: {error.name} is not installed for {sys.executable}: use "
            ".venv/bin/python, which `make check` makes",
            file=sys.stderr,
        )
        return 2
    parsed = parser.parse_args(words, argparse.Namespace(words=words))
    logging.basicConfig(format="%(message)s")
    logging.getLogger("convert").setLevel(logging.INFO)
    try:
        outcome = parsed.run(parsed)
    except Refusal as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"refused: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
