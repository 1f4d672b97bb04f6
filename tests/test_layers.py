"""Who may import what: a table, and a walk over every import that stands in a file."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("server", "convert", "bench")
ANY = "*"


class Room(NamedTuple):
    """A folder, and what its modules import besides each other and the standard library.

    Parameters
    ----------
    may
        Packages and modules of ours.
    never
        Packages of others; ANY is every one.
    """

    folder: str
    may: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


ERRORS = ("convert.errors", "convert.libraries", "convert.inputs")
"""What every room may say to a person."""

READ = ("convert.tables", "convert.fitted", "server.signature", *ERRORS)
SERVED = ("server.model", "server.model_file", "server.runtime")
STAND_IN = "server.model_file.stand_in"
TRAINED = (
    *("convert.export", "convert.model_file", "convert.training", "convert.report"),
    "server.runtime",
)

ROOMS = (
    Room("server", never=("numpy", "onnx", "onnxruntime", "sklearn", "pandas")),
    Room("server/runtime", never=(ANY,)),
    Room("server/model_file", may=("server.signature",)),
    Room("server/http", may=("server.problems", "server.settings")),
    Room(
        "server/metrics",
        may=(
            *("server.signature", "server.problems", "server.__version__"),
            *("server.http.asgi", "server.http.scope"),
        ),
        never=("starlette", "uvicorn"),
    ),
    Room(
        "server/contracts",
        may=("server.model", "server.batch", "server.signature", "server.problems"),
        never=("starlette", "uvicorn"),
    ),
    Room(
        "server/openapi",
        may=(
            *("server.contracts", "server.dialects", "server.endpoint", "server.page"),
            "server.metrics",
            *("server.problems", "server.settings", "server.signature"),
            "server.__version__",
        ),
        never=("uvicorn",),
    ),
    Room("convert/tables", (*ERRORS, STAND_IN), ("onnx", "sklearn.pipeline")),
    Room("convert/fitted", READ, ("onnx", "skl2onnx", "onnxruntime")),
    Room("convert/graph", (*ERRORS, "server.signature"), ("sklearn", "pandas")),
    Room("convert/lowering", (*READ, "convert.graph")),
    Room("convert/proof", (*READ, *SERVED), ("skl2onnx",)),
    Room("convert/saved", (*ERRORS, STAND_IN), ("onnx",)),
    Room(
        "convert/wall", (*ERRORS, "convert.report.markdown", "convert.__main__"), (ANY,)
    ),
    Room("convert/report", (*ERRORS, "server.signature"), ("sklearn", "onnx")),
    Room("convert/training", (*READ, *TRAINED)),
    Room("convert/compare", (*READ, *TRAINED)),
    Room("convert/explore", (*ERRORS, "convert.report"), ("onnx",)),
    Room("bench"),
    Room("bench/contenders"),
)

EXCEPTIONS = {
    ("bench/measurements/cold.py", "server.model.Model"),
    ("bench/measurements/binding.py", "server.runtime.session.Session"),
    (
        "bench/subjects/sklearn_pipeline.py",
        "convert.training.regressors.make_candidate",
    ),
}


def imports_of(source: str) -> Iterator[str]:
    """Yield the full name of all that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def is_allowed(name: str, room: Room) -> bool:
    if is_in(name, *OURS):
        return is_in(name, room.folder.replace("/", "."), *room.may)
    if is_in(name, *sys.stdlib_module_names):
        return True
    return ANY not in room.never and not is_in(name, *room.never)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.folder)
def test_a_room_imports_what_it_may(room: Room) -> None:
    paths = list((ROOT / room.folder).rglob("*.py"))
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in paths
        for name in imports_of(path.read_text("utf-8"))
        if not is_allowed(name, room)
    }

    assert paths
    assert found - EXCEPTIONS == set()


def test_every_exception_is_one() -> None:
    for path, name in EXCEPTIONS:
        assert name in imports_of((ROOT / path).read_text("utf-8"))


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("server.contracts.headers.JSON", True),
        ("server.model.Model", True),
        ("server.model", True),
        ("server.model_file.seal", False),
        ("server.http.asgi", False),
        ("server", False),
        ("convert.errors", False),
        ("json", True),
        ("msgspec.json", True),
        ("starlette.requests.Request", False),
    ],
)
def test_a_name_is_told_by_its_whole_words(name: str, allowed: bool) -> None:
    contracts = next(room for room in ROOMS if room.folder == "server/contracts")

    assert is_allowed(name, contracts) == allowed


def test_an_import_is_found_wherever_it_stands() -> None:
    source = "import a.b, c\ndef f():\n    if x:\n        from d.e import g as h, i\n"

    assert list(imports_of(source)) == ["a.b", "c", "d.e.g", "d.e.i"]


def test_every_room_of_the_converter_is_in_the_table() -> None:
    rooms = {path.parent.name for path in (ROOT / "convert").glob("*/__init__.py")}
    listed = {
        room.folder.partition("/")[2] for room in ROOMS if "convert/" in room.folder
    }

    assert rooms == listed | {"commands"}


FOREIGN = {
    "convert.commands.inspect": {"onnx", "numpy", "sklearn"},
    "convert.fitted.oracle": {"onnx", "onnxruntime", "skl2onnx", "convert.lowering"},
    "convert.graph.builder": {"sklearn", "pandas", "convert.fitted"},
    "convert.proof.discrepancy": {"skl2onnx", "convert.lowering", "convert.graph"},
    "convert.report.wording": {"matplotlib", "pandas"},
}


@pytest.mark.parametrize("module", FOREIGN)
def test_what_a_module_loads_is_not_more_than_it_needs(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert FOREIGN[module].isdisjoint(loaded)
