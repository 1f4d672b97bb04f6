"""Changes the program in small ways, and tells which changes no test notices.

`python -m tests.mutants` samples mutants of the server, the proof and what the proof
stands on, and runs the tests of each one's module in a copy of the checkout. The same
seed gives the same mutants as long as the module stays as it is.
"""

import argparse
import ast
import contextlib
import difflib
import itertools
import multiprocessing
import os
import queue
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.equivalent_mutants import EQUIVALENT

ROOT = Path(__file__).parents[1]

MODULES = (
    *sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "server").rglob("*.py")
        if not path.name.startswith("__")
    ),
    "convert/proof/discrepancy.py",
    "convert/proof/golden.py",
    "convert/fitted/oracle.py",
    "convert/proof/ties.py",
    "convert/fitted/features.py",
    "convert/proof/edges.py",
    "convert/lowering/tabulate.py",
    "convert/lowering/preprocessing/impute.py",
    "convert/lowering/preprocessing/iterative_imputer.py",
    "convert/lowering/preprocessing/knn_imputer.py",
)

TESTS = {
    "server/bucket.py": "access log",
    "server/logged_protocol.py": "access_log",
    "server/edge.py": "edge cors timing",
    "server/contracts/contract.py": "predict_contract",
    "server/contracts/headers.py": "headers app",
    "server/contracts/predict/answers.py": "answers includes app skipping",
    "server/http/asgi.py": "asgi app protocol",
    "server/batching.py": "batching protocol",
    "server/contracts/predict/size.py": "size rows",
    "server/documents.py": "app",
    "server/endpoint.py": "app protocol",
    "server/contracts/predict/faults.py": "faults rows records",
    "server/http/head.py": "head protocol",
    "server/includes.py": "includes app",
    "server/http/connection.py": "connection protocol",
    "server/http/connections.py": "connection protocol",
    "server/http/exchange.py": "connection protocol app",
    "server/http/reader.py": "connection head",
    "server/http/server.py": "process",
    "server/runtime/library.py": "session",
    "server/metrics/counters.py": "metrics",
    "server/metrics/exposition.py": "metrics",
    "server/metrics/histogram.py": "metrics metrics_seen",
    "server/metrics/process.py": "metrics",
    "server/metrics/seen.py": "metrics_seen metrics",
    "server/metrics/statistics.py": "metrics",
    "server/http/scope.py": "metrics",
    "server/model.py": "model app",
    "server/model_file/content.py": "model_file_content seal model external_data",
    "server/model_file/external_data.py": "external_data model",
    "server/problems.py": "problems faults app",
    "server/process.py": "process",
    "server/model_file/protobuf.py": "protobuf seal",
    **dict.fromkeys(
        (
            f"server/openapi/{name}.py"
            for name in (
                *("counted", "document", "examples", "inference", "interface"),
                *("native", "streams", "tools"),
                *("operation", "platforms", "schemas", "served", "shapes", "table"),
            )
        ),
        "openapi",
    ),
    **dict.fromkeys(
        (f"server/openapi/{name}.py" for name in ("page", "script", "snippets")),
        "openapi_page",
    ),
    "server/protocol.py": "protocol connection",
    "server/page/form.py": "page_form app includes",
    "server/routes.py": "app",
    "server/contracts/predict/rows.py": "rows faults page_form size records skipping",
    "server/signature.py": "signature rows app",
    "server/runtime/tensors.py": "session tensors",
    "convert/fitted/features.py": "fitted_features proof_edges",
    "convert/proof/discrepancy.py": "proof_discrepancy proof_golden",
    "convert/proof/edges.py": "proof_edges proof_discrepancy",
    "convert/fitted/oracle.py": "fitted_oracle proof_discrepancy",
    "convert/lowering/preprocessing/iterative_imputer.py": "preprocessing_impute",
    "convert/lowering/preprocessing/knn_imputer.py": "preprocessing_impute",
    "convert/proof/ties.py": "proof_ties proof_discrepancy",
    "server/streams.py": "places",
    "server/contracts/errors.py": "v2 warehouses",
    "server/contracts/instances.py": "v1 invocations records",
    "server/contracts/invocations/contract.py": "invocations",
    "server/contracts/invocations/frames.py": "invocations records",
    "server/contracts/invocations/lines.py": "invocations records",
    "server/contracts/mcp/arguments.py": "contracts_mcp",
    "server/contracts/mcp/message.py": "contracts_mcp",
    "server/contracts/mcp/origin.py": "contracts_mcp",
    "server/contracts/mcp/revision.py": "contracts_mcp",
    "server/contracts/mcp/tool.py": "contracts_mcp",
    "server/contracts/mcp/tools.py": "contracts_mcp",
    **dict.fromkeys(
        [
            f"server/contracts/streams/{name}.py"
            for name in (
                *("answers", "block", "lines", "objects", "order", "stream", "tables"),
            )
        ],
        "streams",
    ),
    "server/contracts/streams/unpacking.py": "pipe",
    "server/contracts/schema.py": "predict_contract v2",
    "server/contracts/text.py": "predict_query page_form",
    "server/contracts/v2/columns.py": "v2",
    "server/contracts/v2/infer.py": "v2",
    "server/contracts/v2/metadata.py": "v2",
    "server/contracts/v2/request.py": "v2",
    "server/contracts/v2/tensors.py": "v2",
}
"""Module → its test files, where that is not the one of its name alone."""

LEAST_SCORE = 0.95

MAX_MEMORY_BYTES = 4 * 2**30
"""Of the tests' process: a loop that has lost its end may collect without end."""

ENDED_BY_PYTEST = range(100, 103)
"""Its exit codes 0 to 2, so that none is Python's own: all pass, some do not, or it
could not read them. A signal has a code below 0: the mutant crashed or hung."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "pytest",
        "httpx",
        "onnx",
        "pandas",
        "scipy.stats",
        "sklearn.compose",
        "sklearn.ensemble",
        "sklearn.impute",
        "sklearn.neighbors",
        "sklearn.pipeline",
    ]
)
"""Each mutant has a process of its own, in which the libraries are loaded already."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


class Mutant(NamedTuple):
    """One change: `before` is the text of the bytes from `start` to `end`.

    `text` is the line in which it begins, `changed` what the line becomes.
    """

    module: str
    start: int
    end: int
    line: int
    before: str
    after: str
    text: str
    changed: str


class Outcome(NamedTuple):
    mutant: Mutant
    is_killed: bool
    diff: str


def find_mutants(module: str, source: str) -> list[Mutant]:
    """Return every mutant of a module's source."""
    whole = source.encode()
    lines = whole.splitlines(keepends=True)
    starts = [0, *itertools.accumulate(map(len, lines))]
    found = []
    for node, after in _changes(ast.parse(source)):
        first = starts[node.lineno - 1]
        start = first + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        changed = whole[first:start] + after.encode() + whole[end:]
        found.append(
            Mutant(
                module,
                start,
                end,
                node.lineno,
                whole[start:end].decode(),
                after,
                lines[node.lineno - 1].decode().strip(),
                changed.splitlines()[0].decode().strip(),
            )
        )
    return found


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield each node that may change, with its new text."""
    unnoticed: set[ast.AST] = set()
    limits: set[ast.AST] = set()
    firsts: set[ast.AST] = set()
    for node in _executed(tree):
        match node:
            case ast.keyword(
                ("strict" | "gc" | "maxsize" | "access_log"), ast.Constant()
            ):
                unnoticed.add(node.value)  # a check of ours, and speed
            case ast.If(ast.Name("TYPE_CHECKING")):
                continue  # for mypy alone
            case ast.Subscript(slice=ast.Constant(0) as first):
                firsts.add(first)  # mostly the only one, and so the last
            case ast.Subscript(slice=ast.Tuple([_, ast.Constant(0) as first])):
                firsts.add(first)
            case ast.Assign([ast.Name(name)], value) if (
                name.isupper() and len(name) > 2
            ):
                limits.update(ast.walk(value))
            case ast.Compare(left, [operator], [right]):
                for other in COMPARISONS[type(operator)]:
                    yield node, ast.unparse(ast.Compare(left, [other()], [right]))
            case ast.BinOp(left, operator, right) if type(operator) in ARITHMETIC:
                other_operator = ARITHMETIC[type(operator)]()
                yield node, ast.unparse(ast.BinOp(left, other_operator, right))
            case ast.BoolOp(operator, values):
                joined = ast.Or() if isinstance(operator, ast.And) else ast.And()
                yield node, f"({ast.unparse(ast.BoolOp(joined, values))})"
            case ast.UnaryOp(ast.Not(), operand):
                yield node, f"bool({ast.unparse(operand)})"
            case ast.If(test) | ast.While(test) | ast.IfExp(test):
                yield test, f"(not ({ast.unparse(test)}))"
            case ast.Constant(bool(value)) if node not in unnoticed:
                yield node, repr(not value)
            case ast.Constant(int(value) | float(value)) if node not in unnoticed:
                if not (node in limits and value > 2):  # one more of many
                    yield node, repr(value + 1)
                    if node not in firsts:
                        yield node, f"({value - 1!r})"
                if value:
                    yield node, repr(value * 10)
            case ast.Return(ast.Constant(None | False)):
                continue  # whoever asks for the truth takes both alike
            case ast.Return(ast.expr()):
                yield node, "return None"
            case ast.Raise() | ast.AugAssign() | ast.Continue() | ast.Break():
                yield node, "pass"
            case ast.Expr(ast.Call()) | ast.Expr(ast.Await()):
                yield node, "pass"
            case ast.Assign([ast.Attribute() | ast.Subscript()]):
                yield node, "pass"


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs: no annotation, no union of types, no part of an f-string.

    Python 3.11 does not know the places of the last ones.
    """
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_types = isinstance(child, ast.BinOp) and isinstance(child.op, ast.BitOr)
            is_outside = isinstance(node, ast.Module | ast.ClassDef | ast.Assign)
            if isinstance(child, ast.JoinedStr | ast.Assert) or (
                is_types and (is_outside or isinstance(node, ast.Subscript))
            ):
                continue
            if isinstance(child, ast.AST):
                yield from _executed(child)


def sample_mutants(module: str, source: str, n_mutants: int, seed: int) -> list[Mutant]:
    found = [one for one in find_mutants(module, source) if _reason(one) is None]
    rng = random.Random(f"{seed} {module}")
    return sorted(rng.sample(found, min(n_mutants, len(found))))


def _reason(mutant: Mutant) -> str | None:
    """Return why nobody could notice the mutant, if that is known."""
    return EQUIVALENT.get((mutant.module, mutant.text, mutant.changed))


def files_of(module: str) -> list[str]:
    path = Path(module)
    name = f"{path.parent.name}_{path.stem}"  # where two modules have one name
    if not (ROOT / f"tests/test_{name}.py").exists():
        name = path.stem
    return [f"tests/test_{each}.py" for each in TESTS.get(module, name).split()]


class Checkout:
    """A copy of what git knows of, in which one mutant lives at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)

    def passes(self, files: Sequence[str], limit_seconds: float) -> bool:
        """Whether the tests pass; those that hang do not.

        Raises
        ------
        RuntimeError
            There was no test to run, or something else than pytest failed.
        """
        process = FORKS.Process(target=_run_tests, args=(str(self.folder), files))
        process.start()
        process.join(limit_seconds)
        process.kill()
        with contextlib.suppress(ProcessLookupError):  # of servers that it started too
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        code = process.exitcode or 0
        if code not in ENDED_BY_PYTEST and code >= 0:
            raise RuntimeError(f"the tests of {files} ended with {code}")
        return code == ENDED_BY_PYTEST[0]

    def try_mutant(self, mutant: Mutant, limit_seconds: float) -> Outcome:
        path = self.folder / mutant.module
        whole = path.read_bytes()
        changed = whole[: mutant.start] + mutant.after.encode() + whole[mutant.end :]
        try:
            path.write_bytes(changed)
            survives = self.passes(files_of(mutant.module), limit_seconds)
        finally:
            path.write_bytes(whole)
        before, after = (text.decode().splitlines() for text in (whole, changed))
        lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))
        return Outcome(mutant, not survives, "\n".join(lines[2:]))


def _run_tests(folder: str, files: Sequence[str]) -> None:
    """Run tests in a fresh process, and end it with the exit code of pytest."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    os.chdir(folder)
    sys.path[:] = [path for path in sys.path if path not in ("", str(ROOT))]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    # without bytecode: its age in whole seconds would not tell two mutants apart
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow and not image"]
    code = pytest.main([*options, *files])
    os._exit(ENDED_BY_PYTEST[0] + code)  # whatever threads the mutant has left


def run_mutants(modules: Sequence[str], n_mutants: int, seed: int, jobs: int) -> float:
    """Try the sample, print what survives, and return the share that is killed."""
    killed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        idle: queue.Queue[Checkout] = queue.Queue()
        for number in range(jobs):
            idle.put(Checkout(Path(folder, str(number))))

        def try_module(module: str) -> list[Outcome]:
            checkout = idle.get()
            try:
                start = time.monotonic()
                if not checkout.passes(files_of(module), 1200):
                    raise RuntimeError(f"the tests of {module} fail without a mutant")
                limit_seconds = 60 + 5 * (time.monotonic() - start)
                source = (checkout.folder / module).read_text("utf-8")
                sample = sample_mutants(module, source, n_mutants, seed)
                return [checkout.try_mutant(one, limit_seconds) for one in sample]
            finally:
                idle.put(checkout)

        with ThreadPoolExecutor(jobs) as pool:
            for module, outcomes in zip(
                modules, pool.map(try_module, modules), strict=True
            ):
                for mutant, is_killed, diff in outcomes:
                    tried[module] += 1
                    killed[module] += is_killed
                    if not is_killed:
                        print(f"survived {module}:{mutant.line}\n{diff}")
                print(f"{module}: {killed[module]} of {tried[module]}", flush=True)
    return killed.total() / tried.total()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--mutants", type=int, default=10, help="of each module")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    score = run_mutants(options.modules, options.mutants, options.seed, options.jobs)
    print(f"score {score:.1%} (seed {options.seed}); expected {LEAST_SCORE:.0%}")
    return int(score < LEAST_SCORE)


if __name__ == "__main__":
    sys.exit(main())
