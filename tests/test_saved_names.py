import pytest

from convert.errors import Refusal
from convert.saved.names import allowed_names, find, may_be_trusted, numpy_module, shown
from convert.saved.written import Name


@pytest.mark.parametrize(
    ("module", "name", "sentence"),
    [
        (
            "features",
            "Ratio",
            "it needs Ratio from the module features, and there is no module features "
            "here: install it, or set PYTHONPATH to its folder",
        ),
        (
            "__main__",
            "Ratio",
            "it needs Ratio, which was defined in the script or notebook that saved "
            "it: move it into a module, save again, and add --trust with its new name",
        ),
        (
            "sklearn.linear_model",
            "Ratio",
            "it needs Ratio from the module sklearn.linear_model, which has no such "
            "name here (module 'sklearn.linear_model' has no attribute 'Ratio'): "
            "install the version of sklearn that saved it",
        ),
    ],
)
def test_a_class_that_is_not_here_is_named(
    module: str, name: str, sentence: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        find(Name(module, name))

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("module", ["numpy.core.numeric", "numpy._core.numeric"])
def test_a_module_of_numpy_has_the_name_of_the_numpy_that_is_here(module: str) -> None:
    assert numpy_module(module, "1.26.4") == "numpy.core.numeric"
    assert numpy_module(module, "2.4.6") == "numpy._core.numeric"
    assert numpy_module("numpy.random._pickle", "2.4.6") == "numpy.random._pickle"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sklearn.pipeline.Pipeline", "sklearn.pipeline.Pipeline"),
        ("features.<lambda>", "features.<lambda>"),
        ("os.x; touch y #", "'os.x; touch y #'"),
        ("\x1b[2Jx", r"'\x1b[2Jx'"),
        ("a." * 40 + "b", "a." * 30 + "…"),
        ("-" * 99, "'" + "-" * 59 + "…"),
    ],
)
def test_a_name_of_a_file_never_reaches_the_terminal_raw(name: str, text: str) -> None:
    assert shown(name) == text


@pytest.mark.parametrize(
    ("name", "may_be"),
    [
        ("category_encoders.ordinal.OrdinalEncoder", True),
        ("ratios.Ratio", True),
        *((name, False) for name in ("posix.system", "builtins.print", "os.x; ls #")),
        *((name, False) for name in ("numpy.load", "joblib.load", "__main__.Ratio")),
    ],
)
def test_trust_is_proposed_for_what_may_be_an_estimator(
    name: str, may_be: bool
) -> None:
    assert may_be_trusted(name) is may_be


def test_no_function_that_runs_or_reads_is_listed() -> None:
    modules = {"os", "posix", "subprocess", "sys", "io", "importlib", "operator"}

    assert not [name for name in allowed_names() if name[0] in modules]
    for name in ("exec", "eval", "getattr", "open", "compile", "__import__", "type"):
        assert ("builtins", name) not in allowed_names()
