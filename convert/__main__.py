"""The command line: ``python -m convert COMMAND …``."""

import argparse
import logging
import sys
from importlib import import_module

from convert.refusal import Refusal

COMMANDS = ("explore", "train")
"""Modules of this package with `add_parser`, which sets `run`; that returns what is
printed. Only the one that is asked for is imported: some take seconds."""


def main(words: list[str]) -> int:
    """Run one command and return the exit code: 0, 2 (refused), 130 (interrupted)."""
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="From a table or a fitted pipeline to one proved ONNX file.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    asked = [name for name in COMMANDS if name in words[:1]]
    for name in asked or COMMANDS:
        import_module(f"convert.{name}").add_parser(commands)
    parsed = parser.parse_args(words)
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
    sys.exit(main(sys.argv[1:]))
