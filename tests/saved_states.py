"""Writes convert/states.txt: what fitted objects hold, of each supported scikit-learn.

``python -m tests.saved_states`` fits everything there is, with the scikit-learn of this
environment and then with each old version in one of its own, which it makes the first
time. It takes about ten minutes a version. With versions as arguments it adds what these
hold to the table that is there.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sklearn

from convert.saved import kinds, states
from convert.saved.kinds import Kinds, merge, parse, spelled
from convert.saved.makers import ARGUMENTS, MAKERS
from tests import honest_states
from tests.old_versions import VERSIONS, _old_python

PROGRAM = Path(honest_states.__file__)
LIMIT_S = 7200
HEADER = """\
# What the states of known classes hold; python -m tests.saved_states writes this file.
# A class: module, name, role. Its attributes: name and kinds; "=" marks a parameter of
# the constructor, which may be any plain constant too.
"""

ANY = "elementwise|estimator|kernel|plain|splitter|type"
GRID = f"dict[str;list[{ANY}]|tuple[{ANY}]|plain]"
TRIED = {
    "best_params_": f"dict[str;{ANY}]",
    "cv_results_": f"dict[str;list[dict[str;{ANY}]]|masked:number1|masked:text1"
    f"|masked:objects1[{ANY}]|plain]",
    "param_distributions": f"{GRID}|list[{GRID}]",
    "param_grid": f"{GRID}|list[{GRID}]",
}
"""What a search may be told to try, and what it keeps of it."""

OTHERS = {*MAKERS, *ARGUMENTS, "sklearn.gaussian_process.kernels.CompoundKernel"}
"""What functions of `convert.saved.makers` make in their own ways, and a kernel that is only
ever made on the way."""

Found = dict[str, dict[str, Any]]
"""Class → its role, its parameters, and the kinds of each attribute."""


def main(versions: list[str]) -> None:
    found = read(states.TABLE.read_text("utf-8")) if versions else {}
    for version in versions or [sklearn.__version__, *reversed(VERSIONS)]:
        found = united([found, observe(version)])
        states.TABLE.write_text(table(found), "utf-8")


def observe(version: str) -> Found:
    """Fit everything with one scikit-learn, in its own Python."""
    here = version == sklearn.__version__
    python = sys.executable if here else _old_python(version)
    with TemporaryDirectory() as folder:
        path = Path(folder, "states.json")
        command = [python, "-W", "ignore", str(PROGRAM), str(kinds.__file__), str(path)]
        subprocess.run(command, check=True, timeout=LIMIT_S, cwd=folder)
        found: Found = json.loads(path.read_text())
        return found


def united(parts: Iterable[Found]) -> Found:
    """Return the classes and attributes of all, each with the union of its kinds."""
    whole: Found = {}
    for part in parts:
        for key, entry in part.items():
            mine = whole.setdefault(
                key, {"role": entry["role"], "parameters": [], "attributes": {}}
            )
            mine["parameters"] = sorted({*mine["parameters"], *entry["parameters"]})
            for name, kind in entry["attributes"].items():
                before = parse(mine["attributes"].get(name, ""))
                mine["attributes"][name] = kinds.spell(merge(before, parse(kind)))
    return whole


def table(found: Found) -> str:
    """Write what was found as text, a line for each class and each attribute."""
    kept = sorted(key for key in found if key.replace(" ", ".") not in OTHERS)
    return HEADER + "".join(
        line + "\n" for key in kept for line in _lines(key, found[key])
    )


def _lines(key: str, entry: dict[str, Any]) -> Iterator[str]:
    yield f"{key} {entry['role']}".rstrip()
    for name, kind in sorted(entry["attributes"].items()):
        union = widened(name, parse(kind))
        if name in entry["parameters"]:
            name, union = f"{name}=", kinds.without_plain(union)
        yield " ".join([f" {name}", *spelled(union)])


def widened(name: str, union: Kinds) -> Kinds:
    """Return what may be there where only a few values were seen.

    A search keeps what it was told to try, whatever that was. Elsewhere a dictionary with
    several kinds of constants as keys, or as values, has them from people: it may have any.
    """
    if name in TRIED:
        return merge(union, parse(TRIED[name]))
    return {kind: _widened_parts(kind, parts) for kind, parts in union.items()}


def _widened_parts(kind: str, parts: tuple[Kinds, ...]) -> tuple[Kinds, ...]:
    parts = tuple(widened("", part) for part in parts)
    return tuple(map(_of_any_constants, parts)) if kind == "dict" else parts


def _of_any_constants(union: Kinds) -> Kinds:
    plain = [kind for kind, parts in union.items() if kinds.is_plain(kind, parts)]
    return {**union, "plain": ()} if len(plain) > 1 else union


def read(text: str) -> Found:
    """Read a table that was written."""
    found: Found = {}
    for header, *lines in states.sections(text):
        module, name, *role = header.split()
        words = [line.split() for line in lines]
        found[f"{module} {name}"] = {
            "role": "".join(role),
            "parameters": [name[:-1] for name, *_ in words if name.endswith("=")],
            "attributes": {name.rstrip("="): "|".join(kinds) for name, *kinds in words},
        }
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
