"""The command line: python -m bench URL, startup, bulk, attack, contest and others."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

try:
    from bench.arguments import count, seconds, span
    from bench.errors import Refusal
    from bench.figures import outcome
    from bench.load import requests
    from bench.load.address import Address
    from bench.load.generator import Load, Measurement, measure
    from bench.subjects.machine import describe_run
except ModuleNotFoundError as error:
    print(
        f"bench: {error.name} is not installed for {sys.executable}: use "
        ".venv/bin/python, which `make check` makes",
        file=sys.stderr,
    )
    sys.exit(2)

EPILOG = """\
examples:
  python -m bench http://localhost:8080 --connections 16 --duration 10
  python -m bench http://localhost:8080 --rate 2000 --json > after.json
  python -m bench --compare before.json after.json --picture change.svg

A closed loop (the default) asks again when it has its answer: a server that stalls
is asked less, and few requests feel the stall. An open loop (--rate) asks at a
constant rate and counts latency from when a request was due: what users feel.

other measurements, each with its own --help:
  python -m bench startup     start and memory, beside the runtime alone
  python -m bench runtime     the way into the runtime, beside its Python binding
  python -m bench bulk        many rows in one request, and others beside it
  python -m bench stream      a file that is predicted while it is sent
  python -m bench container   a tenth of a core and 128 MiB
  python -m bench cold        functions of AWS Lambda: size, and the first answer
  python -m bench attack      clients that mean harm, overload, stops
  python -m bench contest     the same model under other servers

exit code: 0 no errors, 1 some requests failed, 2 nothing could be measured,
130 interrupted
"""

TABLES = {
    "startup": "startup",
    "bulk": "bulk",
    "stream": "stream",
    "runtime": "binding",
    "container": "container",
    "cold": "cold",
    "attack": "attack",
}
"""Modules that return a table; imported when they are asked for, because they need
Linux, a container engine or onnxruntime's binding."""

INTERRUPTED = 130
"""As a shell has it for a command that Ctrl-C ends."""


def main(arguments: Sequence[str]) -> int:
    try:
        if arguments and arguments[0] in TABLES:
            module = f"bench.measurements.{TABLES[arguments[0]]}"
            print(import_module(module).main(arguments[1:]))
            return 0
        if arguments[:1] == ["contest"]:
            from bench.measurements import contest  # needs matplotlib, scikit-learn

            table, exit_code = contest.main(arguments[1:])
            print(table)
            return exit_code
        return _run(_parse(arguments))
    except Refusal as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"bench: {where}{error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    figures: outcome.Outcome
    if options.compare:
        runs = [outcome.read(path) for path in options.compare]
        figures = outcome.compare(*runs)
        text = outcome.tabulate_change(figures)
    else:
        runs = [_measure(options)]
        figures, text = runs[0], outcome.tabulate(runs[0])
    print(json.dumps(figures, indent=2) if options.json else text)
    if options.picture:
        from bench.figures.picture import draw_percentiles  # matplotlib takes a second

        draw_percentiles(runs, options.picture)
    if options.compare:
        return 0
    return INTERRUPTED if runs[0]["is_interrupted"] else int(runs[0]["n_errors"] > 0)


def _measure(options: argparse.Namespace) -> outcome.Outcome:
    address = Address.parse(options.url)
    signature = requests.fetch_signature(address, options.model)
    path = f"/models/{options.model}/predict" if options.model else "/predict"
    bodies = requests.make_bodies(
        signature, options.rows, options.seed, options.columns
    )
    requests.try_one(address, path, bodies[0])
    load = Load(
        address=address,
        requests=requests.encode(address, path, bodies),
        connections=options.connections,
        duration_s=options.duration,
        warm_up_s=options.warm_up,
        rate=options.rate,
        timeout_s=options.timeout,
    )
    measurement = measure(load, _show_progress)
    _clear_progress()
    return {
        **describe_run(),
        "model": signature["name"],
        "model_version": signature["version"],
        "rows_per_request": options.rows,
        "form": "columns" if options.columns else "rows",
        "seed": options.seed,
        **outcome.summarize(load, measurement),
    }


def _show_progress(elapsed_s: float, measurement: Measurement) -> None:
    if sys.stderr.isatty():
        n_sent, n_errors = measurement.n_sent, measurement.n_errors
        line = f"{elapsed_s:6.1f} s  {n_sent:,} requests  {n_errors:,} errors"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure a running server's latency and throughput with requests "
        "made from its own signature.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("url", nargs="?", help="of the server, such as http://localhost:8080")
    add("--connections", type=count, default=16, metavar="N", help="default: 16")
    add("--duration", type=seconds, default=10, metavar="S", help="default: 10")
    add("--warm-up", type=span, default=1, metavar="S", help="not counted; default: 1")
    add(
        "--rate",
        type=seconds,
        metavar="R",
        help="requests a second, whether answered or not (an open loop)",
    )
    add("--rows", type=count, default=1, metavar="N", help="a request; default: 1")
    add("--columns", action="store_true", help="send columns, not a list of objects")
    add("--timeout", type=seconds, default=10, metavar="S", help="default: 10")
    add("--seed", type=int, default=1, metavar="N", help="of the rows; default: 1")
    add("--model", metavar="NAME", help="default: the server's default model")
    add("--json", action="store_true", help="print every figure as JSON")
    add("--picture", type=_picture, metavar="FILE", help="draw percentiles: svg, png")
    add(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("BEFORE", "AFTER"),
        help="two runs that --json wrote, instead of measuring",
    )
    options = parser.parse_args(arguments)
    if bool(options.url) == bool(options.compare):
        parser.error("give the server's address, or two files to --compare")
    return options


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".svg", ".png"):
        raise argparse.ArgumentTypeError(f"{text} ends neither in .svg nor in .png")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
