import sys
from pathlib import Path

import pytest

from convert.errors import Refusal
from convert.saved import interpreters
from convert.saved.interpreters import (
    FIRST_BUILDS,
    Interpreter,
    at_hand,
    find_interpreter,
    suitable_releases,
)

HERE = sys.version_info[:2]


def write_program(path: Path, program: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the PATH of a machine without any other Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return folder


@pytest.fixture
def on_3_13(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 0, "final", 0))


@pytest.mark.parametrize(
    ("version", "releases"),
    [
        ("1.0.2", []),
        ("1.1.2", []),
        ("1.1.3", [(3, 11)]),
        ("1.2.1", [(3, 11)]),
        ("1.3.0", [(3, 11)]),
        ("1.3.2", [(3, 12), (3, 11)]),
        ("1.4.2", [(3, 12), (3, 11)]),
        ("1.5.2", [(3, 13), (3, 12), (3, 11)]),
        ("1.6.0rc1", [(3, 13), (3, 12), (3, 11)]),
        ("1.10.0", [(3, 13), (3, 14), (3, 12), (3, 11)]),
    ],
)
def test_each_version_has_builds_for_the_pythons_of_its_day(
    on_3_13: None, version: str, releases: list[tuple[int, int]]
) -> None:
    assert suitable_releases(version) == releases


def test_a_python_that_nobody_knows_yet_is_not_before_its_elder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0, "final", 0))
    newest = ".".join(map(str, FIRST_BUILDS[max(FIRST_BUILDS)]))

    assert suitable_releases(newest)[0] == (3, 99)
    assert (3, 99) not in suitable_releases("1.2.1")


def test_this_python_is_taken_where_it_will_do(bare: Path) -> None:
    assert find_interpreter("1.99.0") == Interpreter(Path(sys.executable), HERE)
    assert find_interpreter("1.99.0").is_this


def test_a_python_of_the_path_is_taken_where_this_one_will_not_do(
    on_3_13: None, bare: Path
) -> None:
    write_program(bare / "python3.11", "echo /usr/bin/python3.11 3 11")

    assert find_interpreter("1.2.1") == Interpreter(bare / "python3.11", (3, 11))
    assert not find_interpreter("1.2.1").is_this


def test_a_shim_that_stands_for_nothing_is_passed_over_for_pyenvs_own(
    on_3_13: None, bare: Path, tmp_path: Path
) -> None:
    write_program(
        bare / "python3.11", "echo 'pyenv: python3.11: not found' >&2; exit 127"
    )
    real = tmp_path / "pyenv" / "versions" / "3.11.7" / "bin" / "python"
    write_program(real, f"echo {real} 3 11")

    assert find_interpreter("1.2.1") == Interpreter(real, (3, 11))


def test_uv_installs_a_python_where_there_is_none(
    on_3_13: None, bare: Path, tmp_path: Path
) -> None:
    python, packed = tmp_path / "python3.11", tmp_path / "packed"
    write_program(packed, f"echo {python} 3 11")
    write_program(
        bare / "uv",
        f'case "$2 $3" in\n"install 3.11") /bin/cp -p {packed} {python};;\n'
        f'"find 3.11") test -f {python} && echo {python};;\nesac',
    )

    assert find_interpreter("1.2.1") == Interpreter(python, (3, 11))


def test_without_any_the_one_to_install_is_named(on_3_13: None, bare: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        find_interpreter("1.2.1")

    assert str(refusal.value) == (
        "the file needs scikit-learn 1.2.1, which has no build for Python 3.13, and "
        "there is no Python 3.11 on the PATH, of pyenv or of uv: install one (uv python "
        "install 3.11, or pyenv install 3.11) and run this again"
    )


def test_a_version_that_no_python_of_ours_has_is_refused_with_the_first_that_has() -> (
    None
):
    with pytest.raises(Refusal) as refusal:
        find_interpreter("1.0.2")

    assert str(refusal.value) == (
        "the file needs scikit-learn 1.0.2, which has no build for Python 3.11 and "
        "later, which this converter needs: fit the pipeline again with scikit-learn "
        "1.1.3 or later and save that"
    )


def test_a_program_that_does_not_end_is_no_python(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "ASKING_LIMIT_S", 0.2)
    write_program(bare / "python3.11", "exec /bin/sleep 30")

    assert at_hand((3, 11)) is None
