"""The command line: ``python -m convert COMMAND …``."""

import argparse
import logging
import os
import sys
from importlib import import_module

from convert.libraries import wants_system_package, why_not_loaded
from convert.progress import Progress
from convert.refusal import Refusal

log = logging.getLogger("convert")

COMMANDS = {
    "train": ("convert.train", "fit a table and write one model file"),
    "export": ("convert.conversion", "turn a saved pipeline into one model file"),
    "explore": (
        "convert.explore.command",
        "write a report of what a table says about one of its columns",
    ),
    "compare": (
        "convert.compare.command",
        "compare nine regressors on a table and choose one",
    ),
    "verify": (
        "convert.verify",
        "check a model file against what scikit-learn predicted",
    ),
    "inspect": (
        "convert.inspect",
        "show what a model file accepts, returns and contains",
    ),
}
"""Command → module, and what the command does. The module's `add_parser` sets `run`,
which returns what is printed, or an exit code. Only the module that is asked for is
imported: some take seconds, and beside an old scikit-learn some cannot be imported."""

EXAMPLE = """\
example:
  python -m convert train students.csv --target math_score --output build/maths.onnx

python -m convert COMMAND --help tells the rest.
"""


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
    try:
        with Progress() as progress:
            parsed = _parse(words, progress)
            outcome = parsed.run(parsed)
    except BrokenPipeError:
        raise
    except Refusal as error:
        return _refused(str(error))
    except ModuleNotFoundError as error:
        return _refused(
            f"{error.name} is not installed for {sys.executable}: use .venv/bin/python, "
            "which `make check` makes"
        )
    except (ImportError, OSError) as error:
        if wants_system_package(error):
            return _refused(f"a library cannot be loaded here, {why_not_loaded(error)}")
        if isinstance(error, ImportError):
            raise
        return _refused(": ".join(filter(None, [error.filename, error.strerror])))
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0


def _parse(words: list[str], progress: Progress) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="From a table or a fitted pipeline to one proved ONNX file.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (module, sentence) in COMMANDS.items():
        if name in words[:1]:
            log.info("loading what %s needs …", name)
            import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=sentence)
    progress.rest()
    return parser.parse_args(words, argparse.Namespace(words=words))


def _refused(sentence: str) -> int:
    print(f"refused: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
