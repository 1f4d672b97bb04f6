"""`pinion`: every program of the project under one name, where it is installed."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from convert import __version__
from convert.__main__ import COMMANDS

PROGRAMS = {
    "serve": ("server", "serve model files: a form, and JSON at /predict"),
    "bench": ("bench", "measure the latency of a running server"),
}
"""Command → package that is run, and what it does; the others are the converter's."""

USAGE = """\
usage: pinion COMMAND [OPTION …]

{commands}

pinion COMMAND --help tells the rest; pinion --version says which this is.

example:
  pinion train students.csv --target math_score --output models/maths.onnx
  pinion serve models/maths.onnx
"""


def main() -> None:
    """Run the program that the first word names, as ``python -m`` would."""
    words = sys.argv[1:]
    if words[:1] in ([], ["-h"], ["--help"]):
        print(usage())
    elif words == ["--version"]:
        print(f"pinion {__version__}")
    elif words[0] in PROGRAMS:
        package, _ = PROGRAMS[words[0]]
        _run(package, words[1:])
    else:
        _run("convert", words)


def usage() -> str:
    """Return the commands with what each does, and an example."""
    said = {name: sentence for name, (_, sentence) in (COMMANDS | PROGRAMS).items()}
    lines = [f"  {name:9}{sentence}" for name, sentence in said.items()]
    return USAGE.format(commands="\n".join(lines)).rstrip("\n")


def _run(package: str, words: list[str]) -> None:
    found = find_spec(package)
    if found and Path(str(found.origin)).parents[1:2] != Path(__file__).parents[1:2]:
        print(
            f"refused: {found.origin} hides Pinion's own package of that name: start "
            "pinion in another folder, or give the other one another name",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.argv[1:] = words
    runpy.run_module(package, run_name="__main__", alter_sys=True)
