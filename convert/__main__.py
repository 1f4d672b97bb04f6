"""The command line: ``python -m convert COMMAND …``."""

import argparse
import importlib
import logging
import sys

from convert.refusal import Refusal

COMMANDS = {
    "train": "convert.train",
    "export": "convert.conversion",
    "explore": "convert.explore.command",
}
"""Command → module with `add_parser`, which sets `run`; that returns what is printed,
or an exit code. Only the module of the command that is given is imported: each needs
libraries that the others do without.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 (refused), 130 (interrupted)."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="From a table or a fitted pipeline to one proved ONNX file.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        if not given or given[0] not in COMMANDS or given[0] == name:
            importlib.import_module(module).add_parser(commands)
    parsed = parser.parse_args(given)
    parsed.given = given
    logging.basicConfig(format="%(message)s")
    logging.getLogger("convert").setLevel(logging.INFO)
    try:
        outcome = parsed.run(parsed)
    except Refusal as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"refused: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0


if __name__ == "__main__":
    sys.exit(main())
