import io
import pickle
import sys
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import dill
import joblib
import pytest
import scipy.special
import scipy.stats
import sklearn
import skops.io
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from convert.errors import Refusal
from convert.saved.examine import examine, examine_content, several
from convert.saved.interpreters import FIRST_BUILDS
from convert.saved.scan import EVERYTHING
from convert.saved.written import Made
from tests.assembler import archive, call, name, node, program
from tests.assembler import skops as skops_file

OWN = [call(name("mine", f"Own{number}")) for number in range(6)]
OWN_NODE = node("TypeNode", "mine", "Own")


def fitted() -> Ridge:
    return Ridge().fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])


def dumped(pickler: ModuleType, thing: Any) -> bytes:
    file = io.BytesIO()
    pickler.dump(thing, file)
    return file.getvalue()


def refused(folder: Path, content: bytes, trusted: tuple[str, ...] = ()) -> str:
    """Return what is said of a file, without its name, whoever looks at it."""
    path = folder / "pipeline.pkl"
    path.write_bytes(content)
    with pytest.raises(Refusal) as looked:
        examine(path, trusted)
    with pytest.raises(Refusal) as read:
        examine_content(path, content, trusted)
    assert str(looked.value) == str(read.value)
    assert str(looked.value).startswith(f"{path} ")
    return str(looked.value).removeprefix(f"{path} ")


@pytest.mark.parametrize("pickler", [pickle, joblib, dill, cloudpickle, skops.io])
def test_what_the_file_imports_and_who_wrote_it_is_said(
    tmp_path: Path, pickler: ModuleType
) -> None:
    path = tmp_path / "pipeline.pkl"
    content = dumped(pickler, fitted())
    path.write_bytes(content)

    found = examine(path)
    read = examine_content(path, content, ())

    assert found.sklearn_versions == read.sklearn_versions == (sklearn.__version__,)
    assert ("sklearn.linear_model._ridge", "Ridge") in found.imports
    assert found.untrusted() == read.untrusted() == []
    assert isinstance(read.tree, Made)
    assert str(read.tree.maker) == "sklearn.linear_model._ridge.Ridge"


def test_a_compressed_file_is_unpacked_and_a_skops_file_read_in_part(
    tmp_path: Path,
) -> None:
    packed, skopsed = tmp_path / "packed.joblib", tmp_path / "pipeline.skops"
    joblib.dump(fitted(), packed, compress=3)
    skopsed.write_bytes(skops.io.dumps(fitted()))

    assert isinstance(examine(packed).tree, Made)
    assert examine(skopsed).tree is None


@pytest.mark.parametrize(
    ("thing", "sentence"),
    [
        (
            program(OWN[0]),
            "would import mine.Own0, which can run any code while it loads: if you know "
            "who wrote it add --trust mine.Own0, or have it saved with skops.io.dump, "
            "which holds no code",
        ),
        (
            program(OWN[1], OWN[0]),
            "would import mine.Own0, mine.Own1, which can run any code while it loads: "
            "if you know who wrote it add --trust mine.Own0 --trust mine.Own1, or have "
            "it saved with skops.io.dump, which holds no code",
        ),
        (
            program(*OWN),
            "would import mine.Own0, mine.Own1, mine.Own2, mine.Own3 and 2 more, which "
            "can run any code while it loads: if you know who wrote it add --trust "
            "everything, or have it saved with skops.io.dump, which holds no code",
        ),
        (
            skops_file(OWN_NODE),
            "would import mine.Own, which can run any code while it loads: if you know "
            "who wrote it add --trust mine.Own",
        ),
        (
            program(call(name("__main__", "Own")), OWN[0]),
            "needs __main__.Own, which was defined in the script or notebook that saved "
            "it: move it into a module and save again",
        ),
        (
            program(call(name("__mp_main__", "Own"))),
            "needs __mp_main__.Own, which was defined in the script or notebook that saved "
            "it: move it into a module and save again",
        ),
        (
            pickle.dumps(FunctionTransformer(scipy.special.expit)),
            "holds scipy.special._special_ufuncs.expit, and of functions only those of numpy are "
            "known for what they do: compute it with numpy's, or before the pipeline",
        ),
        (
            program(call(name("os", "system")), OWN[0]),
            "would call os.system, which no fitted pipeline needs and which can run any "
            "code: do not load it, or if you wrote it put a function into a module of "
            "your own and save again",
        ),
        (
            program(call(name("mine", "Own\nrefused: all is well"))),
            "would call 'mine.Own\\nrefused: all is well', which no fitted pipeline "
            "needs and which can run any code: do not load it, or if you wrote it put a "
            "function into a module of your own and save again",
        ),
        (
            pickle.dumps(scipy.stats.uniform()),
            "holds distributions of a search "
            "(scipy.stats._continuous_distns.uniform_gen, "
            "scipy.stats._distn_infrastructure.rv_continuous_frozen), which run code "
            "when they are loaded: save search.best_estimator_ instead",
        ),
    ],
    ids=[
        *("one", "two", "many", "skops", "main", "process", "scipy", "system"),
        *("no name", "distribution"),
    ],
)
def test_what_is_not_trusted_is_named_with_what_helps(
    tmp_path: Path, thing: bytes, sentence: str
) -> None:
    assert refused(tmp_path, thing) == sentence


def test_trust_is_by_name_or_of_everything(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.pkl"
    path.write_bytes(program(OWN[0], OWN[1]))

    for trusted in (["mine.Own0", "mine.Own1"], [EVERYTHING]):
        assert examine(path, trusted).imports == (("mine", "Own0"), ("mine", "Own1"))
    assert refused(tmp_path, path.read_bytes(), ("mine.Own0",)).startswith(
        "would import mine.Own1, which"
    )


@pytest.mark.parametrize("pickler", [dill, cloudpickle])
def test_code_of_the_files_own_takes_trust_in_everything(
    tmp_path: Path, pickler: ModuleType
) -> None:
    module = types.ModuleType("__main__")
    exec("def half(scores): return scores / 2", module.__dict__)
    content = dumped(pickler, FunctionTransformer(module.half))
    path = tmp_path / "pipeline.pkl"
    path.write_bytes(content)

    assert refused(tmp_path, content, ("__main__.half",)) == (
        "carries Python code of its own (half), which loading it would run: use a "
        "function of numpy, or a class in a module, or if you wrote the file add "
        "--trust everything"
    )
    assert examine(path, [EVERYTHING]).own_code == ("half",)


def test_code_with_no_name_is_spelled_out(tmp_path: Path) -> None:
    made = call(name("dill._dill", "_create_type"), "half\nrefused: nothing", 3)

    assert refused(tmp_path, program(made)).startswith(
        "carries Python code of its own ('half\\nrefused: nothing'), which loading it "
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            pickle.dumps(fitted())[:-1],
            "is damaged or was cut off (it ends too early): copy it again from where "
            f"it was saved; here it has {len(pickle.dumps(fitted())) - 1} bytes",
        ),
        (
            b"hello",
            "is not a pickle, joblib or skops file (its instructions make no sense): "
            "save the fitted pipeline with joblib.dump",
        ),
        (
            archive({"schema.json": b"{"}),
            "is a damaged skops file (its instructions make no sense): copy it again, "
            "or save it again with skops.io.dump",
        ),
        (
            b"\x80\x04" + b"]" * 2000 + b"a" * 1999 + b".",
            "cannot be read: it has more than 1000 lists, tuples and objects inside "
            "each other: save the fitted pipeline alone",
        ),
    ],
    ids=["cut off", "text", "skops", "deep"],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    assert refused(tmp_path, content) == sentence


@pytest.mark.parametrize("pickler", [pickle, joblib, skops.io])
def test_several_estimators_are_refused_by_their_places(
    tmp_path: Path, pickler: ModuleType
) -> None:
    thing = {"scaler": StandardScaler().fit([[1.0], [2.0]]), "model": fitted()}
    path = tmp_path / "pipeline.pkl"
    content = dumped(pickler, thing)

    with pytest.raises(Refusal) as refusal:
        examine_content(path, content, ())

    assert str(refusal.value) == (
        f"{path} holds 2 estimators ('scaler': StandardScaler, 'model': Ridge) and does "
        "not say how they belong together: save the one fitted pipeline of them, or "
        "pass two files, each with one of them, as --preprocessor and --model"
    )


def test_of_many_estimators_the_first_are_named() -> None:
    parts = [(str(place), "Lasso") for place in range(6)]

    assert several(Path("a.pkl"), parts).startswith(
        "a.pkl holds 6 estimators (0: Lasso, 1: Lasso, 2: Lasso, 3: Lasso and 2 more) "
    )


def test_trust_is_not_asked_where_no_python_would_do(tmp_path: Path) -> None:
    here, oldest = sklearn.__version__.encode(), min(FIRST_BUILDS.values())
    content = pickle.dumps([fitted(), print]).replace(here, b"1.0.2")
    path = tmp_path / "pipeline.pkl"
    path.write_bytes(content)

    with pytest.raises(Refusal) as refusal:
        examine(path)

    assert str(refusal.value) == (
        "the file needs scikit-learn 1.0.2, which has no build for Python 3.11 and "
        "later, which this converter needs: fit the pipeline again with scikit-learn "
        f"{'.'.join(map(str, oldest))} or later and save that"
    )


def test_a_skops_file_without_skops_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pipeline.skops"
    content = skops.io.dumps(fitted())
    monkeypatch.setitem(sys.modules, "skops.io", None)

    with pytest.raises(Refusal) as refusal:
        examine_content(path, content, ())

    assert str(refusal.value) == (
        f"{path} cannot be read: it is a skops file: pip install skops"
    )
