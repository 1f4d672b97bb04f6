"""The pinned requirements, as pip reads them."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from tests.servers import ROOT

FILES = ("inference", "convert", "test", "dev")
ENGINES = tuple(
    path.relative_to(ROOT).as_posix()
    for engine in (
        *("clients", "duckdb", "kserve", "mlserver", "openapi", "ray", "spark"),
    )
    for path in (ROOT / "deploy" / engine).glob("requirements.txt")
)

MARKED = {
    "appnope": "sys_platform == 'darwin'",  # keeps a kernel of Jupyter awake there
    "cffi": "platform_python_implementation != 'PyPy'",  # of cryptography; PyPy has its own
    "colorama": "sys_platform == 'win32'",  # colours for its terminal
    "librt": "platform_python_implementation != 'PyPy'",
    "pexpect": "sys_platform != 'emscripten' and sys_platform != 'win32'",  # terminals
    "ptyprocess": "sys_platform != 'emscripten' and sys_platform != 'win32'",
    "pycparser": (  # of cffi
        "implementation_name != 'PyPy' and platform_python_implementation != 'PyPy'"
    ),
    "typing-extensions": "python_full_version < '3.15'",
    "uvloop": "sys_platform != 'win32'",  # asyncio's own loop there
    "xgboost": "sys_platform == 'darwin'",  # where xgboost-cpu has no build
    "xgboost-cpu": "sys_platform != 'darwin'",
}
"""The only pins that are not for every Python and every system, and why."""


class Pin(NamedTuple):
    """A line of a requirements file, with its continuations."""

    requirement: Requirement
    hashes: list[str]


def read_pins(file: str) -> list[Pin]:
    text = path_of(file).read_text().replace("\\\n", "")
    pins = []
    for line in text.splitlines():
        if line.startswith(("#", "-r ")):
            continue
        requirement, *hashes = line.split(" --hash=")
        pins.append(Pin(Requirement(requirement), [each.strip() for each in hashes]))
    return pins


def path_of(file: str) -> Path:
    return ROOT / (file if file in ENGINES else f"requirements-{file}.txt")


def names(file: str) -> list[str]:
    return [pin.requirement.name for pin in read_pins(file)]


@pytest.mark.parametrize("file", FILES + ENGINES)
def test_every_pin_is_one_version_with_its_hashes(file: str) -> None:
    pins = read_pins(file)

    assert pins
    for pin in pins:
        assert re.fullmatch(r"==[^,*]+", str(pin.requirement.specifier)), pin
        assert pin.hashes, pin
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in pin.hashes)


@pytest.mark.parametrize("file", FILES + ENGINES)
def test_no_file_says_where_packages_come_from(file: str) -> None:
    text = path_of(file).read_text()

    assert re.findall(r"://|index|find-links| @ ", text) == []


def test_serving_needs_these_packages_and_no_numpy() -> None:
    assert names("inference") == [
        "anyio",
        "click",
        "httptools",
        "msgspec",
        "onnxruntime",
        "starlette",
        "typing-extensions",
        "uvicorn",
        "uvloop",
    ]


def test_each_package_has_one_pin_for_every_python_and_system() -> None:
    pins = [pin.requirement for file in FILES for pin in read_pins(file)]

    assert len({pin.name for pin in pins}) == len(pins)
    assert {pin.name: str(pin.marker) for pin in pins if pin.marker} == {
        name: marker.replace("'", '"') for name, marker in MARKED.items()
    }


@pytest.mark.parametrize(
    "file", [*FILES[:-1], pytest.param("dev", marks=pytest.mark.external)]
)
def test_these_tests_run_with_the_pinned_versions(file: str) -> None:
    pinned = {
        pin.requirement.name: str(pin.requirement.specifier).removeprefix("==")
        for pin in read_pins(file)
        if pin.requirement.marker is None or pin.requirement.marker.evaluate()
    }

    assert {name: version(name) for name in pinned} == pinned


def test_every_module_can_be_imported_where_unix_and_uvloop_are_missing() -> None:
    absent = ("fcntl", "grp", "pwd", "resource", "termios", "uvloop")
    folders = [ROOT / "convert", ROOT / "server"]
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in folders
        for path in folder.rglob("*.py")
        if not path.name.startswith("__")
    ]
    script = (
        "import sys, importlib;"
        f"sys.modules.update(dict.fromkeys({absent}));"
        f"[importlib.import_module(name) for name in {modules}]"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )

    assert result.stderr == ""
    assert len(modules) > 100
