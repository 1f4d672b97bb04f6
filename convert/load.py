"""Loads a fitted pipeline that somebody saved, as one file or in two parts."""

import json
import logging
import zipfile
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from convert.contents import find_parts
from convert.libraries import library_errors
from convert.refusal import Refusal, listed
from convert.scan import EVERYTHING, NONSENSE, Damaged, Scan, scan
from convert.unpack import is_skops, unpack
from convert.unpickle import unpickle

log = logging.getLogger(__name__)

N_NAMED = 4
"""Names in one sentence; more of them nobody reads."""


def load_pipeline(
    pipeline: Path | None = None,
    *,
    preprocessor: Path | None = None,
    model: Path | None = None,
    trusted: Collection[str] = (),
) -> Pipeline:
    """Load one file, or a preprocessor and a model apart, as one fitted Pipeline.

    Parameters
    ----------
    trusted
        "module.name" that the files may import beside what is listed, or
        `EVERYTHING`.

    Raises
    ------
    Refusal
        A file cannot be read, is not trusted, or holds no fitted estimator.
    """
    if pipeline is not None and preprocessor is None and model is None:
        return _whole(pipeline, load(pipeline, trusted))
    if pipeline is None and preprocessor is not None and model is not None:
        first, last = load(preprocessor, trusted), load(model, trusted)
        _require(preprocessor, first, "transform", "a preprocessor")
        _require(model, last, "predict", "a model")
        return Pipeline([("preprocessor", first), ("model", last)])
    raise Refusal("give one pipeline, or --preprocessor and --model together")


def load(path: Path, trusted: Collection[str] = ()) -> Any:
    """Load the fitted estimator in a file: pickle, joblib, dill, cloudpickle, skops."""
    content = unpack(path)
    found = _examine(path, content, trusted)
    try:
        estimator = _rebuild(content, found, trusted)
    except Refusal as refusal:
        raise Refusal(f"{path} cannot be loaded: {refusal}") from refusal
    except _reading_errors() as error:
        raise Refusal(_not_rebuilt(path, error)) from error
    estimator = _only_estimator(path, estimator)
    try:
        _check_fitted(path, estimator)
    except AttributeError as error:  # an attribute that another version has
        raise Refusal(_not_rebuilt(path, error)) from error
    return estimator


def _only_estimator(path: Path, thing: Any) -> Any:
    """Return the one estimator in a container, and say which; or the thing itself."""
    if not isinstance(thing, dict | list | tuple):
        return thing
    parts = list(find_parts(thing, _is_estimator))
    if not parts:
        raise Refusal(_no_estimator(path, thing))
    if len(parts) > 1:
        named = [(place, type(estimator).__name__) for place, estimator in parts]
        raise Refusal(_several(path, named))
    ((place, estimator),) = parts
    log.info(
        "%s holds a %s: its estimator, %s (%s), is taken, and nothing else in it",
        *(path, type(thing).__name__, place, type(estimator).__name__),
    )
    return estimator


def _is_estimator(thing: Any) -> bool:
    return hasattr(thing, "fit") and not isinstance(thing, type)


def _rebuild(content: bytes, found: Scan, trusted: Collection[str]) -> Any:
    if not is_skops(content):
        return unpickle(content, trusted)
    import skops.io

    names = [".".join(name) for name in found.imports]
    return skops.io.loads(content, trusted=names)


def _reading_errors() -> tuple[type[Exception], ...]:
    """Return what a damaged file raises, of the libraries that it has loaded too."""
    return (MemoryError, *NONSENSE, *library_errors())


def _not_rebuilt(path: Path, error: BaseException) -> str:
    said, *_ = str(error).strip().splitlines() or [type(error).__name__]
    return (
        f"{path} is damaged, or was saved by other versions than are installed here "
        f"({said}): copy it again, or install those"
    )


def examine(path: Path, trusted: Collection[str] = ()) -> Scan:
    """Say what a file would import and which scikit-learn wrote it; run nothing.

    Raises
    ------
    Refusal
        The file cannot be read, or would import what is not trusted.
    """
    return _examine(path, unpack(path), trusted)


def _examine(path: Path, content: bytes, trusted: Collection[str]) -> Scan:
    if is_skops(content):
        found = _scan_skops(path, content)
    else:
        try:
            found = scan(content)
        except Damaged as error:
            raise Refusal(_unreadable(path, content, error)) from error
    if found.own_code and EVERYTHING not in trusted:
        raise Refusal(_own_code(path, found))
    if untrusted := found.untrusted(trusted):
        raise Refusal(_untrusted(path, untrusted))
    if len(found.parts) > 1:
        raise Refusal(_several(path, found.parts))
    return found


def _scan_skops(path: Path, content: bytes) -> Scan:
    try:
        import skops.io
    except ImportError:
        raise Refusal(f"{path} is a skops file: pip install skops") from None
    try:
        names = skops.io.get_untrusted_types(data=content)
        with zipfile.ZipFile(BytesIO(content)) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, *NONSENSE) as error:
        raise Refusal(
            f"{path} is a damaged skops file ({error}): copy it again, or save it "
            "again with skops.io.dump"
        ) from error
    imports = tuple(
        (module, name) for module, _, name in (n.rpartition(".") for n in names)
    )
    versions = tuple(sorted(set(_versions(schema))))
    return Scan(imports, versions, readers=("skops",))


def _versions(schema: Any) -> Iterator[str]:
    """Yield the versions that scikit-learn put into the states of a skops file."""
    if isinstance(schema, list):
        for part in schema:
            yield from _versions(part)
    if isinstance(schema, dict):
        for key, part in schema.items():
            if key == "_sklearn_version":
                yield json.loads(part["content"])
            else:
                yield from _versions(part)


def _unreadable(path: Path, content: bytes, error: Damaged) -> str:
    if content.startswith(b"\x80"):
        return (
            f"{path} is damaged or was cut off ({error}): copy it again from where it "
            f"was saved; here it has {len(content)} bytes"
        )
    return (
        f"{path} is not a pickle, joblib or skops file ({error}): save the fitted "
        "pipeline with joblib.dump"
    )


def _no_estimator(path: Path, thing: Any) -> str:
    names = (
        map(repr, thing)
        if isinstance(thing, dict)
        else (type(item).__name__ for item in thing)
    )
    return (
        f"{path} holds a {type(thing).__name__} ({listed(names, N_NAMED)}) and no "
        "estimator in it: save the fitted pipeline alone"
    )


def _several(path: Path, parts: Sequence[tuple[str, str]]) -> str:
    named = listed([f"{place}: {kind}" for place, kind in parts], N_NAMED)
    return (
        f"{path} holds {len(parts)} estimators ({named}) and does not say how they "
        "belong together: save the one fitted pipeline of them, or pass two files, each "
        "with one of them, as --preprocessor and --model"
    )


def _own_code(path: Path, found: Scan) -> str:
    return (
        f"{path} carries Python code of its own ({listed(found.own_code, N_NAMED)}), "
        "which loading it would run: use a function of numpy, or a class in a module, or if "
        f"you wrote the file add --trust {EVERYTHING}"
    )


def _untrusted(path: Path, names: list[str]) -> str:
    if any(name.startswith("scipy.stats.") for name in names):
        return (
            f"{path} holds distributions of a search ({listed(names, N_NAMED)}), which "
            "run code when they are loaded: save search.best_estimator_ instead"
        )
    if mine := [name for name in names if name.startswith("__main__.")]:
        return (
            f"{path} needs {listed(mine, N_NAMED)}, which was defined in the script or "
            "notebook that saved it: move it into a module and save again"
        )
    flags = " ".join(f"--trust {name}" for name in names)
    if len(names) > N_NAMED:
        flags = f"--trust {EVERYTHING}"
    return (
        f"{path} would import {listed(names, N_NAMED)}, which can run any code while it "
        f"loads: if you know who wrote it add {flags}, or have it saved with skops.io.dump, "
        "which holds no code"
    )


def _check_fitted(path: Path, estimator: Any) -> None:
    kind = type(estimator).__name__
    if isinstance(estimator, type):
        raise Refusal(
            f"{path} holds the class {estimator.__name__}, not a fitted instance: save "
            "what its fit returned"
        )
    if not hasattr(estimator, "fit"):
        raise Refusal(
            f"{path} holds a {kind}, not a scikit-learn estimator: save the fitted "
            "pipeline"
        )
    for part in _parts(estimator):
        try:
            check_is_fitted(part)
        except NotFittedError:
            raise Refusal(
                f"{path} holds a {kind} that is not fitted ({type(part).__name__} has "
                "learnt nothing): call fit, then save it again"
            ) from None


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield the steps of a pipeline: its own check looks at the last one only."""
    if not isinstance(estimator, Pipeline):
        yield estimator
        return
    for _, step in estimator.steps:
        if step not in (None, "passthrough"):
            yield from _parts(step)


def _whole(path: Path, estimator: Any) -> Pipeline:
    if getattr(estimator, "refit", True) is False:
        raise Refusal(
            f"{path} holds a {type(estimator).__name__} with refit=False, which kept no "
            "model: refit the best one and save it"
        )
    if hasattr(estimator, "transform") and not hasattr(estimator, "predict"):
        raise Refusal(
            f"{path} holds a {type(estimator).__name__}, which transforms and does not "
            "predict: pass it as --preprocessor, and the model as --model"
        )
    _require(path, estimator, "predict", "a model")
    if isinstance(estimator, Pipeline):
        return estimator
    return Pipeline([("model", estimator)])


def _require(path: Path, estimator: Any, method: str, role: str) -> None:
    if not hasattr(estimator, method):
        raise Refusal(
            f"{path} holds a {type(estimator).__name__}, which has no {method}: as "
            f"{role} pass an estimator that has"
        )
