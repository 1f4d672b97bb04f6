"""`python -m bench attack`: what clients that mean harm can do to the server.

Each attack starts a server of its own on one core and attacks it from another. Its
figures take the place of its former ones in the file.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.arguments import add_model, add_output, count, seconds
from bench.attacks.victim import Victim
from bench.figures.rounds import write_json
from bench.subjects.machine import describe_run
from bench.subjects.program import choose_cores, pinned

OUTPUT = Path("bench/results/attack.json")

ATTACKS = {
    "malformed": "--number (1,000,000) cases that are almost requests, other parsers beside",
    "dribble": "--number (1,000) clients that keep the server waiting, for --seconds (30)",
    "single": "what one client can cost: memory, and a deaf event loop",
    "overload": "--number (3) times two and four times what it can answer, for --seconds (5)",
    "leak": "what it keeps of --number (5,000,000) predictions",
    "stop": "SIGTERM in the middle of load, --number times (1,000)",
}

EPILOG = """\
attacks:
{}

example: python -m bench attack stop --number 100
"""


def main(arguments: Sequence[str]) -> str:
    """Attack, write the JSON, and return the table."""
    options = _parse(arguments)
    attack = import_module(f"bench.attacks.{options.name}")
    server_core, client_core = choose_cores()
    victim = Victim(options.python, options.model, server_core)
    with pinned(client_core):
        figures = attack.measure(victim, options)
    cores = {"server": server_core, "client": client_core}
    result = {**describe_run(), "cores": cores, "figures": figures}
    write_json(options.output, {**_read(options.output), options.name: result})
    table: str = attack.tabulate(figures)
    return table


def _read(path: Path) -> dict[str, Any]:
    """Return what other attacks have found."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench attack",
        description="Attack a server, and measure what the others notice.",
        epilog=EPILOG.format(
            "\n".join(f"  {name:<11} {text}" for name, text in ATTACKS.items())
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", choices=ATTACKS, metavar="NAME", help=f"one of: {', '.join(ATTACKS)}")
    add_model(parser)
    add(
        "--python", type=os.path.abspath, default=sys.executable, help="runs the server"
    )
    add("--number", type=count, metavar="N", help="default: as above")
    add("--seconds", type=seconds, metavar="S", help="default: as above")
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)
