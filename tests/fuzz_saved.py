"""Changes honest saved pipelines in small ways, and loads what comes of it.

`python -m tests.fuzz_saved --mutations 20000 --seed 1` mutates the saves of every family
and of every estimator: instructions, names and constants of a pickle, states that
objects hold, bytes of arrays and of boosters, schemas of skops. Each is loaded, and
predicts its sample if it loads, in a child with limits. A sentence, or a harmless
answer, is what there should be; code that runs, a file that is opened, a hang or another
error than a refusal is a fault. The same seed gives the same mutations.
"""

import argparse
import contextlib
import copy
import functools
import importlib
import io
import json
import os
import pickle
import pickletools
import random
import re
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.trials import Trial, try_all

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "build/saved"

ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JOBLIB_MULTIPROCESSING": "0",
}
"""A fork has none of the threads, and joblib would make a folder for its processes."""

FORMATS = (
    "pickle2",
    "pickle4",
    "pickle5",
    "joblib",
    "zlib",
    "cloudpickle",
    "dill",
    "skops",
)

MAX_SEED_BYTES = 300_000
"""Of a save that is mutated: larger ones take long and hold more of the same."""


# The honest files


def make_seeds() -> None:
    """Fit one pipeline of each family and estimator, and keep their pickles."""
    import warnings

    from tests import every_estimator, families, pairs

    warnings.simplefilter("ignore")
    SEEDS.mkdir(parents=True, exist_ok=True)
    number = 0

    def keep(name: str, fitted: Any, rows: Any) -> None:
        nonlocal number
        try:
            pickled = pickle.dumps(
                (fitted, rows.head(8) if hasattr(rows, "head") else rows)
            )
        except (pickle.PicklingError, TypeError, AttributeError):
            return
        if len(pickled) <= MAX_SEED_BYTES:
            slug = re.sub(r"[^A-Za-z0-9]+", "-", name)
            (SEEDS / f"{number:04}-{slug}.pkl").write_bytes(pickled)
            number += 1

    for family in families.families():
        fitted, rows = pairs.fit(family)
        keep(f"{family.preprocessing} {family.estimator}", fitted, rows)
    for unfitted in every_estimator.CLASSES.values():
        if every_estimator._required(unfitted):
            continue
        for X, y in every_estimator._tables():
            try:
                fitted = unfitted().fit(X, y)
            except Exception:
                continue
            if hasattr(fitted, "predict") or hasattr(fitted, "transform"):
                keep(unfitted.__name__, fitted, X[:8] if not hasattr(X, "head") else X)
            break
    (SEEDS / "whole").touch()


def seeds() -> list[Path]:
    """Return the honest pipelines, which are made in a process of their own.

    No process that forks may have used OpenMP: its threads do not come along.
    """
    if not (SEEDS / "whole").exists():
        command = [
            sys.executable,
            "-c",
            "from tests import fuzz_saved as f; f.make_seeds()",
        ]
        subprocess.run(command, cwd=ROOT, check=True)
    return sorted(SEEDS.glob("*.pkl"))


@functools.lru_cache(64)
def _loaded(path: Path) -> tuple[Any, Any]:
    pipeline, rows = pickle.loads(path.read_bytes())
    return pipeline, rows


def save(thing: Any, form: str) -> bytes:
    """Return what a library writes of a thing; `TypeError` where it cannot."""
    import cloudpickle  # type: ignore[import-untyped]
    import dill
    import joblib
    import skops.io

    file = io.BytesIO()
    if form.startswith("pickle"):
        return pickle.dumps(thing, int(form[-1]))
    if form == "skops":
        return bytes(skops.io.dumps(thing))
    if form in ("joblib", "zlib"):
        joblib.dump(thing, file, compress=3 if form == "zlib" else 0)
    else:
        {"cloudpickle": cloudpickle, "dill": dill}[form].dump(thing, file)
    return file.getvalue()


# Mutations of bytes


ODD_NUMBERS = (
    *(0, 1, -1, 2, 7, 255, 256, 65535, 2**31 - 1, -(2**31), 2**32, 2**62, -(2**63)),
)

NAME = re.compile(rb"[A-Za-z_][\w.]{3,60}")

OTHER_NAMES = (
    *(b"sklearn.pipeline", b"Pipeline", b"numpy", b"ndarray", b"dtype", b"log1p"),
    *(b"sklearn.tree._tree", b"Tree", b"functools", b"partial", b"builtins", b"list"),
    *(b"numpy._core.multiarray", b"_reconstruct", b"scalar", b"collections"),
    *(b"OrderedDict", b"defaultdict", b"sklearn.utils._bunch", b"Bunch", b"bytearray"),
    *(b"sklearn.neighbors._kd_tree", b"newObj", b"KDTree", b"copyreg"),
    *(b"_reconstructor", b"xgboost.core", b"Booster", b"lightgbm.basic", b"range"),
    *(b"pandas", b"DataFrame", b"Index", b"Series", b"scipy.sparse._csr"),
    *(b"csr_matrix", b"sklearn.linear_model._ridge", b"Ridge", b"coef_", b"predict"),
    *(b"steps", b"__dict__", b"__class__", b"__array_interface__", b"_sklearn_version"),
)


def flip(content: bytes, random_: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random_.choice((1, 1, 1, 2, 4, 16))):
        changed[random_.randrange(len(changed))] ^= 1 << random_.randrange(8)
    return bytes(changed)


def cut(content: bytes, random_: random.Random) -> bytes:
    start = random_.randrange(len(content))
    if random_.random() < 0.3:
        return content[:start]
    end = min(len(content), start + random_.choice((1, 2, 4, 8, 40, 400)))
    if random_.random() < 0.5:
        return content[:start] + content[end:]
    return content[:end] + content[start:end] + content[end:]


def rename(content: bytes, random_: random.Random) -> bytes:
    """Put another name in the place of one, with its length."""
    found = list(NAME.finditer(content))
    if not found:
        return flip(content, random_)
    match = random_.choice(found)
    others = [each.group() for each in random_.sample(found, min(9, len(found)))]
    new = random_.choice([*others, *OTHER_NAMES])
    start, end = match.span()
    old = match.group()
    if start and content[start - 1] == len(old):
        return content[: start - 1] + bytes([len(new)]) + new + content[end:]
    if start > 3 and content[start - 4 : start] == len(old).to_bytes(4, "little"):
        length = len(new).to_bytes(4, "little")
        return content[: start - 4] + length + new + content[end:]
    return content[:start] + new + content[end:]


# Mutations of instructions


@functools.lru_cache(64)
def _instructions(content: bytes) -> list[tuple[str, int, int]]:
    """Return name, start and end of each instruction; frames are left out."""
    found = [(op.name, at or 0) for op, _, at in pickletools.genops(content)]
    ends = [at for _, at in found[1:]] + [len(content)]
    return [(name, at, end) for (name, at), end in zip(found, ends, strict=True)]


def instruct(content: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Change, drop, repeat, swap or splice in one instruction or a few."""
    code = _instructions(content)
    pieces = [content[start:end] for name, start, end in code if name != "FRAME"]
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        at = random_.randrange(1, len(pieces))
        to = min(len(pieces), at + random_.choice((1, 1, 2, 5, 20)))
        match random_.randrange(6):
            case 0:
                del pieces[at:to]
            case 1:
                pieces[at:at] = pieces[at:to]
            case 2:
                other = random_.randrange(1, len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                foreign = random_.choice(others)
                theirs = [p for p in _instructions(foreign) if p[0] != "FRAME"]
                start = random_.randrange(1, len(theirs))
                count = random_.choice((1, 2, 5, 20))
                pieces[at:at] = [
                    foreign[s:e] for _, s, e in theirs[start : start + count]
                ]
            case 4:
                pieces[at] = _odd_constant(random_)
            case _:
                pieces[at] = bytes([random_.choice(OPCODES)]) + pieces[at][1:]
        if len(pieces) < 3:
            break
    return b"".join(pieces)


OPCODES = [ord(op.code) for op in pickletools.opcodes]


def _odd_constant(random_: random.Random) -> bytes:
    odd: list[Any] = [
        *ODD_NUMBERS,
        "",
        "x" * 300,
        b"",
        b"\xff" * 40,
        None,
        True,
        (),
        [],
        {},
    ]
    odd += [float("nan"), float("inf"), -0.0, 1e308, ["x"], {"x": 1}, ("x",), set()]
    return pickle.dumps(random_.choice(odd), 3)[2:-1]


# Mutations of what an object holds


def restate(thing: Any, random_: random.Random, others: list[Any]) -> Any:
    """Give one attribute of an object, or of what it holds, another value."""
    changed = copy.deepcopy(thing)
    places = list(_places(changed))
    for _ in range(random_.choice((1, 1, 2))):
        holder, key = random_.choice(places)
        foreign = list(_places(random_.choice(others))) if others else places
        donors = places if random_.random() < 0.5 or not foreign else foreign
        given = random_.choice(donors)
        value = _value(*given)
        if random_.random() < 0.5:
            value = _bent(_value(holder, key), random_)
        _put(holder, key, value)
    return changed


def _places(thing: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each holder with a key, of an object and all that it holds."""
    seen: set[int] = set()
    waiting = [thing]
    while waiting and len(seen) < 3000:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | np.ufunc):
            continue
        seen.add(id(each))
        keys: list[Any] = []
        if isinstance(each, dict):
            keys = list(each)
        elif isinstance(each, list):
            keys = list(range(min(len(each), 8)))
        elif isinstance(each, tuple):
            waiting += each
        elif hasattr(each, "__dict__") and "function" not in type(each).__name__:
            each = vars(each)
            keys = list(each)
        elif isinstance(each, np.ndarray) and each.dtype == object:
            waiting += each.ravel().tolist()[:8]
        for key in keys:
            yield each, key
            waiting.append(each[key])


def _value(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except (KeyError, IndexError):
        return None


def _put(holder: Any, key: Any, value: Any) -> None:
    try:
        holder[key] = value
    except (IndexError, TypeError):
        return


class Reduced:
    """Is pickled as a call with a state: what cannot be changed in memory."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


def _bent(value: Any, random_: random.Random) -> Any:
    """Return another value like this one, or one of another kind."""
    if isinstance(value, np.ndarray) and random_.random() < 0.8:
        return _bent_array(value, random_)
    if isinstance(value, str | bytes | bytearray) and len(value) > 50:
        return _bent_text(value, random_)
    if isinstance(value, int | float) and random_.random() < 0.7:
        return type(value)(random_.choice([n for n in ODD_NUMBERS if n < 2**60]))
    reduced = _reduced(value)
    if reduced is not None and random_.random() < 0.9:
        return _bent_reduced(reduced, random_)
    return random_.choice(
        [
            *(None, True, -1, 10**9, 2**70, 0.5, float("nan"), "", "predict", b"x"),
            *([], {}, (), [0, 1], {"a": 1}, np.log1p, np.float64, np.zeros(3)),
            *(np.zeros((2, 2), "i4"), np.array(["a"], object), slice(0, 2), range(3)),
        ]
    )


def _reduced(value: Any) -> Any:
    """Return what a compiled object is rebuilt from, where there is a state."""
    if hasattr(value, "__dict__") or not type(value).__module__.startswith(
        ("sklearn", "_loss")
    ):
        return None
    reduced = value.__reduce__()
    return reduced if isinstance(reduced, tuple) and len(reduced) == 3 else None


def _bent_reduced(reduced: Any, random_: random.Random) -> Reduced:
    make, arguments, state = reduced
    if isinstance(state, dict) and state:
        key = random_.choice(list(state))
        state = {**state, key: _bent(state[key], random_)}
    elif isinstance(state, tuple) and state:
        place = random_.randrange(len(state))
        bent = _bent(np.asarray(state[place]), random_)
        state = (*state[:place], bent, *state[place + 1 :])
    if arguments and random_.random() < 0.2:
        place = random_.randrange(len(arguments))
        bent = _bent(arguments[place], random_)
        arguments = (*arguments[:place], bent, *arguments[place + 1 :])
    return Reduced(make, arguments, state)


def _bent_array(array: Any, random_: random.Random) -> Any:
    bent = np.array(array)
    match random_.randrange(7):
        case 0 if bent.size and bent.dtype.kind in "iuf":
            info = (
                np.iinfo(bent.dtype)
                if bent.dtype.kind in "iu"
                else np.finfo(bent.dtype)
            )
            odd = [info.max, info.min, 0, 1, bent.size, bent.size + 1]
            bent.flat[random_.randrange(bent.size)] = random_.choice(odd)
        case 1 if bent.size and bent.dtype.names:
            name = random_.choice(bent.dtype.names)
            field = bent[name]
            if field.dtype.kind in "iuf" and field.size:
                odd = [0, 1, 100, 2**31 - 1 if field.dtype.kind != "u" else 255]
                odd = [value for value in odd if value <= _most(field.dtype)]
                field.flat[random_.randrange(field.size)] = random_.choice(odd)
        case 2 if bent.size and bent.dtype != object:
            raw = bytearray(bent.tobytes())
            raw[random_.randrange(len(raw))] ^= 1 << random_.randrange(8)
            bent = np.frombuffer(bytes(raw), bent.dtype).reshape(bent.shape).copy()
        case 3:
            bent = bent[: len(bent) // 2] if bent.ndim else bent
        case 4:
            bent = bent.reshape(-1)
        case 5 if bent.dtype.kind in "iuf":
            kinds = ["i4", "f4", "u1", "c16", "S8", ">f8"]
            with np.errstate(all="ignore"):
                bent = bent.astype(random_.choice(kinds))
        case _:
            bent = np.concatenate([bent, bent]) if bent.ndim else bent[None]
    return bent


def _most(kind: np.dtype[Any]) -> float:
    return float(np.iinfo(kind).max if kind.kind in "iu" else np.finfo(kind).max)


NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _bent_text(value: Any, random_: random.Random) -> Any:
    """Change a number in a long text, or a bit in long bytes: a booster's model."""
    if isinstance(value, bytes | bytearray):
        return type(value)(flip(bytes(value), random_))
    found = list(NUMBER.finditer(value))
    if not found:
        return value[: len(value) // 2]
    match = random_.choice(found)
    new = random_.choice(
        ["0", "-1", "1", "99999", "2147483647", "1000000000", "1e308", "x"]
    )
    return value[: match.start()] + new + value[match.end() :]


# Mutations of skops archives


def reschema(content: bytes, random_: random.Random) -> bytes:
    """Change a node of a schema, or a file beside it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    arrays = [name for name in files if name != "schema.json"]
    if arrays and random_.random() < 0.4:
        name = random_.choice(arrays)
        files[name] = random_.choice((flip, cut))(files[name], random_)
    else:
        schema = json.loads(files["schema.json"])
        nodes = list(_nodes(schema))
        for _ in range(random_.choice((1, 1, 2))):
            _bend_node(random_.choice(nodes), nodes, random_)
        try:
            files["schema.json"] = json.dumps(schema).encode()
        except ValueError:  # it holds itself now
            return flip(content, random_)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, file in files.items():
            archive.writestr(name, file)
    return buffer.getvalue()


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)


def _bend_node(
    node: dict[str, Any], nodes: list[dict[str, Any]], random_: random.Random
) -> None:
    if not node:
        return
    key = random_.choice(list(node))
    other = random_.choice(nodes)
    match random_.randrange(4):
        case 0:
            del node[key]
        case 1:
            node[key] = other.get(key, random_.choice([None, 0, -1, "x", [], {}]))
        case 2:
            node[key] = copy.deepcopy(other)
        case _:
            node[key] = random_.choice(["os", "system", "ObjectNode", "numpy", 10**30])


# One mutation


@functools.lru_cache(64)
def _saved(path: Path, form: str) -> bytes | None:
    try:
        return save(_loaded(path)[0], form)
    except Exception:  # skops cannot save them all, nor dill
        return None


class Mutation(NamedTuple):
    """A mutated file, rows for it, how it was made, and whether it should predict."""

    content: bytes
    rows: Any
    how: str
    predicts: bool


def mutate(index: int, seed: int, paths: list[Path]) -> Mutation:
    random_ = random.Random(f"{seed} {index}")
    # near indices share their files: these are kept
    files = random.Random(f"{seed} {index // 100}").sample(paths, 12)
    for _ in range(50):
        path = random_.choice(files)
        form = random_.choice(FORMATS)
        made = _mutated(path, form, files, random_)
        if made is not None:
            content, how = made
            honest, rows = _loaded(path)
            said = f"{path.stem} {form} {how}"
            return Mutation(content, rows, said, hasattr(honest, "predict"))
    raise RuntimeError(f"nothing can be made of {files}")


def _mutated(
    path: Path, form: str, files: list[Path], random_: random.Random
) -> tuple[bytes, str] | None:
    whole = _saved(path, form)
    if whole is None:
        return None
    if random_.random() < 0.4:
        others = [_loaded(file)[0] for file in files]
        try:
            return save(restate(_loaded(path)[0], random_, others), form), "restate"
        except Exception:  # what the library cannot write is no file
            return None
    if form == "skops":
        return reschema(whole, random_), "reschema"
    plain = zlib.decompress(whole) if form == "zlib" else whole
    if form in ("joblib", "zlib"):
        how = random_.choice((flip, cut, rename, rename))
        changed = how(plain, random_)
        content = zlib.compress(changed, 1) if form == "zlib" else changed
        return content, how.__name__
    draw = random_.random()
    if draw < 0.6:
        theirs = [s for s in (_saved(f, form) for f in files[:4]) if s is not None]
        return instruct(plain, random_, theirs or [plain]), "instruct"
    byte: Callable[[bytes, random.Random], bytes] = random_.choice((flip, cut, rename))
    return byte(plain, random_), byte.__name__


def load_and_use(path: Path, rows: Any) -> str:
    """Load a file as the command does, and let it answer."""
    import pandas as pd

    from convert.fitted.oracle import Oracle, rejections
    from convert.saved.load import load_pipeline, load_saved

    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    if path.name == "transformer":
        with contextlib.suppress(*rejections()):
            load_saved(path).transform(frame)
        return "harmless"
    pipeline = load_pipeline(path)
    Oracle(pipeline).answer_taken(frame)
    return "harmless"


def warm_up() -> None:
    """Import what files may need, so that children have it; compute nothing."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tests.every_estimator

        for name in (
            "catboost",
            "cloudpickle",
            "dill",
            "lightgbm",
            "skops.io",
            "xgboost",
        ):
            importlib.import_module(name)
        for path in (ROOT / "convert").rglob("*.py"):
            if not path.name.startswith("__"):
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                importlib.import_module(module)
        for estimator in tests.every_estimator.CLASSES.values():
            importlib.import_module(estimator.__module__)


def run(mutations: int, seed: int, first: int = 0) -> Iterator[Trial]:
    """Try mutations, and yield what came of each."""
    paths = seeds()
    warm_up()
    make = functools.partial(_make, seed=seed, paths=paths)
    yield from try_all(range(first, first + mutations), make)


def _make(
    index: int, folder: Path, *, seed: int, paths: list[Path]
) -> Callable[[], str]:
    content, rows, _, predicts = mutate(index, seed, paths)
    path = folder / ("pipeline" if predicts else "transformer")
    path.write_bytes(content)
    return functools.partial(load_and_use, path, rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_saved")
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="index to begin with")
    parser.add_argument("--keep", type=Path, help="folder for the files of faults")
    parser.add_argument("--show", type=int, help="write this one mutation, and say how")
    options = parser.parse_args()
    if not ALONE.items() <= os.environ.items():
        command = [sys.executable, "-m", "tests.fuzz_saved", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | ALONE)
    if options.show is not None:
        content, _, how, _ = mutate(options.show, options.seed, seeds())
        path = (options.keep or Path()) / f"mutation-{options.show}"
        path.write_bytes(content)
        sys.stdout.write(f"{path}: {how}\n")
        return 0
    return report(options)


def report(options: argparse.Namespace) -> int:
    counts: Counter[str] = Counter()
    faults: dict[str, list[int]] = {}
    n_faults = 0
    for trial in run(options.mutations, options.seed, options.first):
        counts[trial.word] += 1
        n_faults += trial.is_fault
        if trial.word not in ("refused", "harmless"):
            said = f"{trial.word}: {trial.said}"[:300]
            if said not in faults:
                sys.stdout.write(f"{trial.index} {said}\n")
                sys.stdout.flush()
            faults.setdefault(said, []).append(trial.index)
        if sum(counts.values()) % 250 == 0:
            sys.stdout.write(f"{sum(counts.values())}: {dict(counts)}\n")
            sys.stdout.flush()
    for said, indices in sorted(faults.items(), key=lambda pair: -len(pair[1])):
        sys.stdout.write(f"{len(indices):5} × {said} (as {indices[:3]})\n")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            content = mutate(indices[0], options.seed, seeds()).content
            (options.keep / f"mutation-{indices[0]}").write_bytes(content)
    sys.stdout.write(f"{dict(counts)} (seed {options.seed})\n")
    return int(n_faults > 0)


if __name__ == "__main__":
    sys.exit(main())
