"""The command line: ``python -m convert COMMAND …``."""

import argparse
import logging
import signal
import sys
from contextlib import suppress
from importlib import import_module

from convert import __version__
from convert.commands.progress import Progress
from convert.errors import Refusal
from convert.libraries import as_refusals
from convert.report.markdown import visible
from server.streams import discard, discard_unwritten, open_streams

log = logging.getLogger("convert")

COMMANDS = {
    "train": ("convert.commands.train", "fit a table and write one model file"),
    "export": ("convert.commands.export", "turn a saved pipeline into one model file"),
    "explore": (
        "convert.commands.explore",
        "write a report of what a table says about one of its columns",
    ),
    "compare": (
        "convert.commands.compare",
        "compare nine regressors on a table and choose one",
    ),
    "verify": (
        "convert.commands.verify",
        "check a model file against what scikit-learn predicted",
    ),
    "inspect": (
        "convert.commands.inspect",
        "show what a model file accepts, returns and contains",
    ),
    "sign": (
        "convert.commands.sign",
        "say with your private key whose a model file is",
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
        discard(1, 2)
        return OUTPUT_CUT
    except KeyboardInterrupt:
        _say("interrupted: nothing was written")
        return 130
    except OSError as error:
        discard(1)
        _say(f"refused: the output: {error.strerror}")
        return 2


def _say(line: str) -> None:
    with suppress(OSError):  # the exit code says it, too
        print(visible(line), file=sys.stderr, flush=True)


def _run(words: list[str]) -> int:
    try:
        with as_refusals(), Progress() as progress:
            parsed = parse(words)
            progress.rest()
            outcome = parsed.run(parsed)
    except Refusal as error:
        _say(f"refused: {error}")
        return 2
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0


def parse(words: list[str]) -> argparse.Namespace:
    """Return the options of a command, which alone is imported, and its `run`."""
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="From a table or a fitted pipeline to one proved ONNX file.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pinion {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (module, sentence) in COMMANDS.items():
        if name in words[:1]:
            log.info("loading what %s needs …", name)
            import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=sentence)
    return parser.parse_args(words, argparse.Namespace(words=words))


if __name__ == "__main__":
    open_streams()
    # so that who is asked to end ends what it has started, and removes what it made
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    exit_code = main(sys.argv[1:])
    discard_unwritten()
    sys.exit(exit_code)
