"""Says what a saved file would import and which scikit-learn wrote it; runs nothing.

Imports nothing heavy: whoever starts the command in a process of its own reads this.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from convert.errors import Refusal, Unreadable, listed
from convert.saved.archive import is_archive
from convert.saved.damage import Damaged
from convert.saved.interpreters import check_has_build
from convert.saved.names import SCRIPTS, may_be_trusted, shown
from convert.saved.scan import EVERYTHING, Scan, Written, read_pickle
from convert.saved.skops_schema import read_outline
from convert.saved.unpack import is_skops, unpack

N_NAMED = 4
"""Names in one sentence; more of them nobody reads."""


def examine(path: Path, trusted: Collection[str] = ()) -> Written:
    """Say what a file would import and which scikit-learn wrote it; run nothing.

    Raises
    ------
    Refusal
        The file cannot be read, or would import what is not trusted.
    """
    content = unpack(path)
    read = read_outline if is_skops(content) else read_pickle
    return _examined(path, content, trusted, read)


def examine_content(path: Path, content: bytes, trusted: Collection[str]) -> Written:
    """Do the same with the bytes of a file that was unpacked, and read all of it."""
    read = _read_skops if is_skops(content) else read_pickle
    return _examined(path, content, trusted, read)


def _examined(
    path: Path,
    content: bytes,
    trusted: Collection[str],
    read: Callable[[bytes], Written],
) -> Written:
    try:
        found = read(content)
    except Damaged as error:
        raise Unreadable(_unreadable(path, content, error)) from error
    except Refusal as refusal:
        raise Unreadable(f"{path} cannot be read: {refusal}") from refusal
    if found.own_code and EVERYTHING not in trusted:
        raise Unreadable(_own_code(path, found))
    if untrusted := found.untrusted(trusted):
        for version in found.sklearn_versions:
            check_has_build(version)  # trust would not help
        raise Unreadable(_untrusted(path, untrusted, is_skops(content)))
    if len(found.parts) > 1:
        raise Unreadable(several(path, found.parts))
    return found


def _read_skops(content: bytes) -> Written:
    from convert.saved.skops_archive import read_skops

    try:
        return read_skops(content)
    except ImportError:
        raise Unreadable("it is a skops file: pip install skops") from None


def _unreadable(path: Path, content: bytes, error: Damaged) -> str:
    if is_archive(content):
        return (
            f"{path} is a damaged skops file ({error}): copy it again, or save it "
            "again with skops.io.dump"
        )
    if content.startswith(b"\x80"):
        return (
            f"{path} is damaged or was cut off ({error}): copy it again from where it "
            f"was saved; here it has {len(content)} bytes"
        )
    return (
        f"{path} is not a pickle, joblib or skops file ({error}): save the fitted "
        "pipeline with joblib.dump"
    )


def several(path: Path, parts: Sequence[tuple[str, str]]) -> str:
    """Return the sentence for a container of several estimators."""
    named = listed([f"{place}: {kind}" for place, kind in parts], N_NAMED)
    return (
        f"{path} holds {len(parts)} estimators ({named}) and does not say how they "
        "belong together: save the one fitted pipeline of them, or pass two files, each "
        "with one of them, as --preprocessor and --model"
    )


def _own_code(path: Path, found: Scan) -> str:
    return (
        f"{path} carries Python code of its own "
        f"({listed(map(shown, found.own_code), N_NAMED)}), "
        "which loading it would run: use a function of numpy, or a class in a module, or if "
        f"you wrote the file add --trust {EVERYTHING}"
    )


def _untrusted(path: Path, names: list[str], is_skops_file: bool) -> str:
    if any(name.startswith("scipy.stats.") for name in names):
        return (
            f"{path} holds distributions of a search ({listed(map(shown, names), N_NAMED)}), which "
            "run code when they are loaded: save search.best_estimator_ instead"
        )
    if scipys := [name for name in names if name.startswith("scipy.special.")]:
        return (
            f"{path} holds {listed(map(shown, scipys), N_NAMED)}, and of functions only those of "
            "numpy are known for what they do: compute it with numpy's, or before the "
            "pipeline"
        )
    if mine := [name for name in names if name.partition(".")[0] in SCRIPTS]:
        return (
            f"{path} needs {listed(map(shown, mine), N_NAMED)}, which was defined in the script or "
            "notebook that saved it: move it into a module and save again"
        )
    if never := [shown(name) for name in names if not may_be_trusted(name)]:
        return (
            f"{path} would call {listed(never, N_NAMED)}, which no fitted pipeline needs "
            "and which can run any code: do not load it, or if you wrote it put a "
            "function into a module of your own and save again"
        )
    flags = " ".join(f"--trust {name}" for name in names)
    if len(names) > N_NAMED:
        flags = f"--trust {EVERYTHING}"
    otherwise = ", or have it saved with skops.io.dump, which holds no code"
    return (
        f"{path} would import {listed(names, N_NAMED)}, which can run any code while it "
        f"loads: if you know who wrote it add {flags}{'' if is_skops_file else otherwise}"
    )
