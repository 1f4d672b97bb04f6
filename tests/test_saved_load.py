import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import catboost
import cloudpickle  # type: ignore[import-untyped]
import dill
import joblib
import lightgbm
import numpy as np
import pytest
import scipy.stats
import sklearn
import skops.io
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR

from convert.errors import Refusal
from convert.saved.examine import examine
from convert.saved.load import load_pipeline, load_saved
from convert.saved.scan import EVERYTHING
from tests.students import make_students

STUDENTS = make_students(60)
WORDS = ["gender", "lunch"]
SCORES = ["reading_score", "writing_score"]


def make_preprocessor() -> ColumnTransformer:
    return ColumnTransformer(
        [("words", OneHotEncoder(), WORDS), ("scores", StandardScaler(), SCORES)]
    )


def make_fitted() -> Pipeline:
    pipeline = make_pipeline(make_preprocessor(), RandomForestRegressor(5))
    return pipeline.fit(STUDENTS, STUDENTS["math_score"])


def fit(estimator: Any) -> Any:
    return estimator.fit(STUDENTS[SCORES], STUDENTS["math_score"])


def save(folder: Path, thing: Any, pickler: ModuleType = joblib) -> Path:
    path = folder / "pipeline.pkl"
    file = io.BytesIO()
    pickler.dump(thing, file)
    path.write_bytes(file.getvalue())
    return path


def refused(path: Path, **options: Any) -> str:
    """Return what is said of `path`, without its name."""
    with pytest.raises(Refusal) as refusal:
        load_pipeline(path, **options)
    assert str(refusal.value).startswith(f"{path} ")
    return str(refusal.value).removeprefix(f"{path} ")


@pytest.mark.parametrize("pickler", [pickle, joblib, dill, cloudpickle, skops.io])
def test_a_pipeline_predicts_as_before(tmp_path: Path, pickler: ModuleType) -> None:
    pipeline = make_fitted()

    loaded = load_pipeline(save(tmp_path, pipeline, pickler))

    np.testing.assert_array_equal(
        loaded.predict(STUDENTS), pipeline.predict(STUDENTS), strict=True
    )


@pytest.mark.parametrize("pickler", [joblib, skops.io])
def test_examining_tells_the_version(tmp_path: Path, pickler: ModuleType) -> None:
    import sklearn

    found = examine(save(tmp_path, make_fitted(), pickler))

    assert found.sklearn_versions == (sklearn.__version__,)


def test_a_preprocessor_and_a_model_become_one_pipeline(tmp_path: Path) -> None:
    preprocessor = make_preprocessor()
    model = LinearRegression()
    model.fit(preprocessor.fit_transform(STUDENTS), STUDENTS["math_score"])
    joblib.dump(preprocessor, tmp_path / "preprocessor.pkl")
    joblib.dump(model, tmp_path / "model.pkl")

    pipeline = load_pipeline(
        preprocessor=tmp_path / "preprocessor.pkl", model=tmp_path / "model.pkl"
    )

    assert [name for name, _ in pipeline.steps] == ["preprocessor", "model"]
    np.testing.assert_array_equal(
        pipeline.predict(STUDENTS), model.predict(preprocessor.transform(STUDENTS))
    )


@pytest.mark.parametrize("pickler", [pickle, joblib])
def test_numbers_of_the_other_byte_order_are_read_into_this_one(
    tmp_path: Path, pickler: ModuleType
) -> None:
    fitted = fit(SVR())
    moved = copy.deepcopy(fitted)
    moved.support_vectors_ = fitted.support_vectors_.astype(">f8")

    loaded = load_saved(save(tmp_path, moved, pickler))

    np.testing.assert_array_equal(
        loaded.predict(STUDENTS[SCORES]), fitted.predict(STUDENTS[SCORES])
    )


def test_a_lone_estimator_becomes_a_pipeline(tmp_path: Path) -> None:
    search = fit(GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}))

    pipeline = load_pipeline(save(tmp_path, search))

    assert [name for name, _ in pipeline.steps] == ["model"]
    np.testing.assert_array_equal(
        pipeline.predict(STUDENTS[SCORES]), search.predict(STUDENTS[SCORES])
    )


@pytest.mark.parametrize(
    ("thing", "sentence"),
    [
        (
            {"scores": STUDENTS, "columns": SCORES},
            "holds a dict ('scores', 'columns') and no estimator in it: save the "
            "fitted pipeline alone",
        ),
        (
            [STUDENTS, 3],
            "holds a list (DataFrame, int) and no estimator in it: save the fitted "
            "pipeline alone",
        ),
        (
            {"scaler": fit(StandardScaler()), "model": fit(Ridge())},
            "holds 2 estimators ('scaler': StandardScaler, 'model': Ridge) and does not "
            "say how they belong together: save the one fitted pipeline of them, or "
            "pass two files, each with one of them, as --preprocessor and --model",
        ),
        (
            {"models": {"a": fit(Ridge()), "b": fit(Lasso())}},
            "holds 2 estimators ('models' / 'a': Ridge, 'models' / 'b': Lasso) and does "
            "not say how they belong together: save the one fitted pipeline of them, or "
            "pass two files, each with one of them, as --preprocessor and --model",
        ),
        (
            {"model": Ridge(), "columns": SCORES},
            "holds a Ridge that is not fitted (Ridge has learnt nothing): call fit, then "
            "save it again",
        ),
        (
            [fit(StandardScaler())],
            "holds a StandardScaler, which transforms and does not predict: pass it as "
            "--preprocessor, and the model as --model",
        ),
        (
            STUDENTS,
            "holds a DataFrame, not a scikit-learn estimator: save the fitted pipeline",
        ),
        (
            Ridge,
            "holds the class Ridge, not a fitted instance: save what its fit returned",
        ),
        (
            make_pipeline(StandardScaler(), fit(Ridge())),
            "holds a Pipeline that is not fitted (StandardScaler has learnt nothing): "
            "call fit, then save it again",
        ),
        (
            GridSearchCV(Ridge(), {}),
            "holds a GridSearchCV that is not fitted (GridSearchCV has learnt "
            "nothing): call fit, then save it again",
        ),
        (
            fit(GridSearchCV(Ridge(), {}, refit=False)),
            "holds a GridSearchCV with refit=False, which kept no model: refit the "
            "best one and save it",
        ),
        (
            fit(StandardScaler()),
            "holds a StandardScaler, which transforms and does not predict: pass it as "
            "--preprocessor, and the model as --model",
        ),
        (
            fit(
                RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.uniform()}, n_iter=1)
            ),
            "holds distributions of a search "
            "(scipy.stats._continuous_distns.uniform_gen, "
            "scipy.stats._distn_infrastructure.rv_continuous_frozen), which run code "
            "when they are loaded: save search.best_estimator_ instead",
        ),
        (
            [print],
            "would call builtins.print, which no fitted pipeline needs and which can run "
            "any code: do not load it, or if you wrote it put a function into a module "
            "of your own and save again",
        ),
    ],
)
def test_what_is_no_fitted_pipeline_is_refused(
    tmp_path: Path, thing: Any, sentence: str
) -> None:
    path = tmp_path / "pipeline.pkl"
    path.write_bytes(pickle.dumps(thing))

    assert refused(path) == sentence


@pytest.mark.parametrize("pickler", [pickle, joblib, skops.io])
@pytest.mark.parametrize(
    ("wrap", "place", "kind"),
    [
        (lambda model: {"model": model, "columns": SCORES}, "'model'", "dict"),
        (lambda model: {"v": 1, "kept": [{"it": model}]}, "'kept' / 0 / 'it'", "dict"),
        (lambda model: (model, SCORES), "0", "tuple"),
        (lambda model: [None, model], "1", "list"),
    ],
    ids=["dict", "nested", "tuple", "list"],
)
def test_the_one_estimator_in_a_container_is_taken_and_named(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    pickler: ModuleType,
    wrap: Callable[[Any], Any],
    place: str,
    kind: str,
) -> None:
    caplog.set_level("INFO", "convert")
    pipeline = make_fitted()
    path = save(tmp_path, wrap(pipeline), pickler)

    loaded = load_pipeline(path)

    np.testing.assert_array_equal(loaded.predict(STUDENTS), pipeline.predict(STUDENTS))
    assert caplog.messages == [
        f"{path} holds a {kind}: its estimator, {place} (Pipeline), is taken, and "
        "nothing else in it"
    ]


@pytest.mark.parametrize("pickler", [pickle, joblib])
def test_several_estimators_are_refused_before_anything_is_made(
    tmp_path: Path, pickler: ModuleType
) -> None:
    booster = fit(lightgbm.LGBMRegressor(n_estimators=2, verbose=-1))
    path = save(tmp_path, [fit(StandardScaler()), booster], pickler)

    with pytest.raises(Refusal) as refusal:
        examine(path)

    assert "holds 2 estimators (0: StandardScaler, 1: LGBMRegressor)" in str(
        refusal.value
    )


@pytest.mark.parametrize("pickler", [dill, cloudpickle])
def test_a_lambda_needs_trust(tmp_path: Path, pickler: ModuleType) -> None:
    twice = fit(make_pipeline(FunctionTransformer(lambda scores: 2 * scores), Ridge()))
    path = save(tmp_path, twice, pickler)

    sentence = refused(path)

    assert sentence.startswith("carries Python code of its own (")
    assert sentence.endswith(
        "<lambda>), which loading it would run: use a function of numpy, or a class in "
        "a module, or if you wrote the file add --trust everything"
    )
    np.testing.assert_array_equal(
        load_pipeline(path, trusted=[EVERYTHING]).predict(STUDENTS[SCORES]),
        twice.predict(STUDENTS[SCORES]),
    )


def test_a_class_of_the_users_needs_trust_and_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ratios.py").write_text(
        "from sklearn.preprocessing import StandardScaler\n"
        "class Ratio(StandardScaler):\n"
        "    pass\n"
    )
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        ratio = __import__("ratios").Ratio
        path = tmp_path / "pipeline.pkl"
        path.write_bytes(pickle.dumps(fit(make_pipeline(ratio(), Ridge()))))
        assert load_pipeline(path, trusted=["ratios.Ratio"])
    monkeypatch.delitem(__import__("sys").modules, "ratios")

    assert "add --trust ratios.Ratio" in refused(path)
    assert refused(path, trusted=["ratios.Ratio"]) == (
        "cannot be loaded: it needs Ratio from the module ratios, and there is no "
        "module ratios here: install it, or set PYTHONPATH to its folder"
    )


def test_trust_is_not_asked_for_a_version_that_nothing_can_load(tmp_path: Path) -> None:
    fitted = fit(make_pipeline(FunctionTransformer(copy.copy), Ridge()))
    path = tmp_path / "pipeline.pkl"
    here = sklearn.__version__.encode()
    path.write_bytes(pickle.dumps(fitted).replace(here, b"1.0.2"))

    with pytest.raises(Refusal, match=r"no build for Python 3\.11 and later"):
        examine(path)


def test_a_type_of_a_skops_file_needs_trust_too(tmp_path: Path) -> None:
    path = save(
        tmp_path, fit(make_pipeline(FunctionTransformer(copy.copy), Ridge())), skops.io
    )

    assert refused(path) == (
        "would call copy.copy, which no fitted pipeline needs and which can run any "
        "code: do not load it, or if you wrote it put a function into a module of your "
        "own and save again"
    )


@pytest.mark.parametrize("n_bytes", [40, 2000])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = save(tmp_path, make_fitted())
    path.write_bytes(path.read_bytes()[:n_bytes])

    sentence = refused(path)

    assert sentence.startswith("is damaged or was cut off (")
    assert sentence.endswith(
        f"): copy it again from where it was saved; here it has {n_bytes} bytes"
    )


@pytest.mark.parametrize(
    ("estimator", "right", "wrong", "reason"),
    [
        (
            lightgbm.LGBMRegressor(n_estimators=2, verbose=-1),
            *(b"max_feature_idx=1", b"max_feature_idy=1", "max_feature_idx"),
        ),
        (
            catboost.CatBoostRegressor(2, verbose=0, allow_writing_files=False),
            *(b"CBM1", b"CBM2", "Incorrect model file descriptor"),
        ),
        (
            xgboost.XGBRegressor(n_estimators=2),
            b"learner",
            b"lerrner",
            "Null to Object",
        ),
    ],
)
def test_a_booster_that_its_library_cannot_read_is_refused_in_one_line(
    tmp_path: Path, estimator: Any, right: bytes, wrong: bytes, reason: str
) -> None:
    path = tmp_path / "pipeline.pkl"
    path.write_bytes(pickle.dumps(fit(estimator)).replace(right, wrong))

    sentence = refused(path)

    assert sentence.startswith("is damaged, or was saved by other versions than are ")
    assert reason in sentence
    assert "\n" not in sentence


def test_lightgbm_does_not_print_at_each_prediction_what_it_was_fitted_with(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fitted = fit(lightgbm.LGBMRegressor(n_estimators=2, feature_fraction=0.5))
    path = save(tmp_path, fitted)
    capfd.readouterr()

    load_pipeline(path).predict(STUDENTS[SCORES])

    assert capfd.readouterr() == ("", "")


def test_what_an_older_xgboost_wrote_loads_without_a_word(tmp_path: Path) -> None:
    fitted = fit(xgboost.XGBRegressor(n_estimators=2))
    version = b"version[#L" + bytes(7) + b"\x03i"  # three numbers follow, in UBJSON
    major = bytes([int(xgboost.__version__.split(".")[0])])
    pickled = pickle.dumps(fitted).replace(version + major, version + b"\x02")
    path = tmp_path / "pipeline.pkl"
    path.write_bytes(pickled)
    with pytest.warns(UserWarning, match="older version of XGBoost"):
        pickle.loads(pickled)

    loaded = load_pipeline(path)

    scores = STUDENTS[SCORES]
    assert (loaded.predict(scores) == fitted.predict(scores)).all()


def test_a_text_is_no_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.pkl"
    path.write_text("gender,lunch\nfemale,standard\n")

    assert refused(path) == (
        "is not a pickle, joblib or skops file (its instructions make no sense): save "
        "the fitted pipeline with joblib.dump"
    )


def test_half_of_the_two_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        load_pipeline(model=tmp_path / "model.pkl")

    assert str(refusal.value) == (
        "give one pipeline, or --preprocessor and --model together"
    )


def test_a_model_in_the_place_of_the_preprocessor_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, fit(Ridge()))

    with pytest.raises(Refusal) as refusal:
        load_pipeline(preprocessor=path, model=path)

    assert str(refusal.value) == (
        f"{path} holds a Ridge, which has no transform: as a preprocessor pass an "
        "estimator that has"
    )


def test_a_fitted_estimator_of_each_booster_loads(tmp_path: Path) -> None:
    from tests.every_estimator import boosters

    for booster in boosters():
        fitted = booster.fit(STUDENTS[SCORES].to_numpy(), STUDENTS["math_score"] > 60)
        path = save(tmp_path, fitted)

        np.testing.assert_array_equal(
            load_saved(path).predict(STUDENTS[SCORES].to_numpy()),
            fitted.predict(STUDENTS[SCORES].to_numpy()),
        )


def test_a_state_that_scikit_learn_cannot_read_is_a_sentence(tmp_path: Path) -> None:
    scaler = RobustScaler().fit(np.eye(3))
    scaler.with_centering = np.arange(3)

    said = refused(
        save(tmp_path, make_pipeline(scaler, Ridge().fit(np.eye(3), [0, 1, 2])))
    )

    assert said.startswith(
        "is damaged, or was saved by other versions than are installed here (The truth "
        "value of an array with more than one element is ambiguous"
    )
