"""The command line: ``python -m convert COMMAND …``."""

import argparse
import logging
import sys

from convert import train
from convert.refusal import Refusal

COMMANDS = (train,)
"""Modules with `add_parser`, which sets `run`; that returns what is printed."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 (refused), 130 (interrupted)."""
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="From a table or a fitted pipeline to one proved ONNX file.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    parsed = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("convert").setLevel(logging.INFO)
    try:
        print(parsed.run(parsed))
    except Refusal as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"refused: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
