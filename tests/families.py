"""One model file of every family that is converted, with what it predicts here.

Families are the pairs of the coverage table, the pipelines of other people, and what
these leave out of the converter's lists of estimators and transformers.
"""

import fcntl
import hashlib
import json
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import calibration, compose, linear_model, pipeline, preprocessing
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer
from threadpoolctl import threadpool_limits

from convert.export import export
from convert.fitted.frame import make_columns
from convert.fitted.oracle import Oracle
from convert.proof.edges import edges
from convert.tables.description import Description
from server.model import Model
from server.signature import Provenance
from tests import others, pairs
from tests.every_estimator import boosters, make
from tests.pairs import NUMBERS, REGRESSION, Pair, make_homes
from tests.replay import answers
from tests.servers import ROOT

BUILD = ROOT / "build/families"
N_SAMPLE_ROWS = 20
N_EDGE_ROWS = 24

REFUSED = {"KNNImputer", "a lambda", "none"}
"""Preprocessing of `tests.pairs` that docs/coverage.md lists as refused."""

BOTH = ["price", "rent"]
ALPHAS: dict[str, Any] = {"param_grid": {"alpha": [1.0, 2.0]}}
DRAWN: dict[str, Any] = {
    "param_distributions": {"alpha": [1.0, 2.0]},
    "n_candidates": 2,
}

REGRESSORS: dict[str, dict[str, Any]] = {
    "ARDRegression": {},
    "ElasticNetCV": {},
    "HalvingGridSearchCV": {"estimator": linear_model.Ridge(), **ALPHAS},
    "HalvingRandomSearchCV": {"estimator": linear_model.Ridge(), **DRAWN},
    "Lars": {},
    "LarsCV": {},
    "LassoCV": {},
    "LassoLars": {},
    "LassoLarsCV": {},
    "LassoLarsIC": {},
    "NuSVR": {},
    "OrthogonalMatchingPursuit": {},
    "OrthogonalMatchingPursuitCV": {},
    "PLSRegression": {},
    "PassiveAggressiveRegressor": {"random_state": 0},
    "QuantileRegressor": {},
    "RANSACRegressor": {"random_state": 0},
    "RFE": {"estimator": linear_model.Ridge()},
    "RFECV": {"estimator": linear_model.Ridge()},
    "RadiusNeighborsRegressor": {"radius": 9.0},
    "TheilSenRegressor": {"random_state": 0},
}
REGRESSORS_OF_TWO: dict[str, dict[str, Any]] = {
    "CCA": {},
    "MultiTaskElasticNet": {},
    "MultiTaskElasticNetCV": {},
    "MultiTaskLasso": {},
    "MultiTaskLassoCV": {},
    "PLSCanonical": {},
    "RegressorChain": {"estimator": linear_model.Ridge()},
}
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "BernoulliNB": {"binarize": 0.5},
    "CategoricalNB": {},
    "ComplementNB": {},
    "DummyClassifier": {"strategy": "prior"},
    "FixedThresholdClassifier": {
        "estimator": linear_model.LogisticRegression(),
        "threshold": 0.3,
    },
    "LogisticRegressionCV": {},
    "MultinomialNB": {},
    "NearestCentroid": {},
    "NuSVC": {"nu": 0.3},
    "OneVsOneClassifier": {"estimator": linear_model.LogisticRegression()},
    "PassiveAggressiveClassifier": {"random_state": 0},
    "Perceptron": {"random_state": 0},
    "RidgeClassifierCV": {},
}
TRANSFORMERS: dict[str, dict[str, Any]] = {
    "FactorAnalysis": {"n_components": 2},
    "FastICA": {"n_components": 2, "random_state": 0},
    "GaussianRandomProjection": {"n_components": 2, "random_state": 0},
    "IncrementalPCA": {"n_components": 2},
    "SparseRandomProjection": {"n_components": 2, "random_state": 0},
}


def families() -> list[Pair]:
    return [
        *(pair for pair in pairs.all_pairs() if pair.preprocessing not in REFUSED),
        *_others(),
        *_estimators(),
        *_boosters(),
        *_transformers(),
    ]


def _others() -> Iterator[Pair]:
    homes = make_homes()
    for maker in others.CONVERTED:
        made, columns, target = maker(homes)
        name, gaps = maker.__name__[1:], maker in others.WITH_GAPS
        kind = type(made).__name__
        yield Pair(name, kind, partial(_first, maker), columns, [target], gaps)


def _first(maker: others.Maker) -> Any:
    return maker(make_homes())[0]


def _estimators() -> Iterator[Pair]:
    for name, parameters in REGRESSORS.items():
        yield _behind_numbers(name, partial(make, name, **parameters), REGRESSION)
    for name, parameters in REGRESSORS_OF_TWO.items():
        yield _behind_numbers(name, partial(make, name, **parameters), BOTH)
    for name, parameters in CLASSIFIERS.items():
        target = "sold" if "Threshold" in name else "band"
        yield _behind_numbers(name, partial(make, name, **parameters), [target])
    yield Pair("none", "IsotonicRegression", _isotonic, NUMBERS[:1], REGRESSION, False)
    yield Pair("none", "FrozenEstimator", _frozen, NUMBERS, ["sold"], False)


def _boosters() -> Iterator[Pair]:
    for estimator in boosters():
        if "catboost" in type(estimator).__module__:
            continue  # those of the pairs are the same
        parameters = estimator.get_params()
        kind = parameters.get("booster") or parameters.get("boosting_type", "trees")
        if kind == "dart":
            estimator.set_params(n_estimators=20, rate_drop=0.5)
        target = ["band"] if hasattr(estimator, "predict_proba") else REGRESSION
        name = type(estimator).__name__
        yield _behind_numbers(f"{name} {kind}", partial(clone, estimator), target)


def _transformers() -> Iterator[Pair]:
    for name, parameters in TRANSFORMERS.items():
        made = partial(_before_ridge, name, parameters)
        yield Pair(name, "Ridge", made, NUMBERS, REGRESSION, False)
    yield Pair("TfidfTransformer", "Ridge", _weighed, ["remark"], REGRESSION, False)
    # no two homes have one rent: the nearest neighbours are never tied
    columns = [*NUMBERS[:2], "rent"]
    yield Pair("KNNImputer", "Ridge", _imputed, columns, REGRESSION, True)


def _behind_numbers(name: str, made: Callable[[], Any], target: list[str]) -> Pair:
    return Pair("numbers", name, partial(_scaled, made), NUMBERS, target, False)


def _scaled(made: Callable[[], Any]) -> Any:
    """Return it behind small numbers, which naive Bayes wants to be counts."""
    estimator = made()
    scaler = preprocessing.StandardScaler()
    bins = preprocessing.KBinsDiscretizer(
        5, encode="ordinal", quantile_method="averaged_inverted_cdf"
    )
    counts = "NB" in type(estimator).__name__
    return pipeline.make_pipeline(bins if counts else scaler, estimator)


def _before_ridge(name: str, parameters: dict[str, Any]) -> Any:
    scaler, step = preprocessing.StandardScaler(), make(name, **parameters)
    return pipeline.make_pipeline(scaler, step, linear_model.Ridge())


def _isotonic() -> Any:
    return make("IsotonicRegression", out_of_bounds="clip")


def _frozen() -> Any:
    homes = make_homes()
    fitted = linear_model.LogisticRegression(max_iter=2000)
    fitted.fit(homes[NUMBERS], homes["sold"])
    return calibration.CalibratedClassifierCV(FrozenEstimator(fitted))


def _weighed() -> Any:
    words = pipeline.make_pipeline(CountVectorizer(), TfidfTransformer())
    made = compose.ColumnTransformer([("remark", words, "remark")])
    return pipeline.make_pipeline(made, linear_model.Ridge())


def _imputed() -> Any:
    return pipeline.make_pipeline(KNNImputer(n_neighbors=3), linear_model.Ridge())


def made_families() -> Path:
    """Make the files, unless they are there, and return their folder."""
    BUILD.parent.mkdir(exist_ok=True)
    with BUILD.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_of = BUILD / "made-of"
        if not made_of.exists() or made_of.read_text() != _digest():
            shutil.rmtree(BUILD, ignore_errors=True)
            BUILD.mkdir()
            for number, family in enumerate(families()):
                write(family, BUILD / f"{number:03}-{_slug(family)}.onnx")
            made_of.write_text(_digest())
    return BUILD


def write(family: Pair, path: Path) -> None:
    """Write the model file and, beside it, rows with what it predicts for them."""
    # one thread: several wait for each other where other programs use the cores
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # of the libraries
        fitted, X = pairs.fit(family)
        exported = export(
            fitted, X, X, family.target, Description(name="home"), Provenance()
        )
    path.write_bytes(exported.content)
    model = Model.load(path)
    rows = _rows(fitted, X, model)
    columns = make_columns(rows, model.signature.features)
    said = {"columns": columns, "answers": answers(model, columns)}
    path.with_suffix(".json").write_text(json.dumps(said))
    model.close()


def _rows(fitted: Any, X: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Return rows of the sample, and made-up ones that scikit-learn takes."""
    made_up = edges(model.signature.features, X)
    chosen = np.linspace(0, len(made_up) - 1, N_EDGE_ROWS).astype(int)
    rows = pd.concat([X.head(N_SAMPLE_ROWS), made_up.iloc[np.unique(chosen)]])
    taken, _ = Oracle(fitted).answer_taken(rows)
    return rows[taken]


def _slug(family: Pair) -> str:
    words = f"{family.preprocessing} {family.estimator} {family.target[0]}"
    return re.sub(r"[^A-Za-z0-9]+", "-", words)


def _digest() -> str:
    """Return a digest of all that the files depend on."""
    digest = hashlib.sha256(sys.version.encode())
    sources = [*ROOT.glob("convert/**/*.py"), *ROOT.glob("server/**/*.py")]
    sources += [*ROOT.glob("requirements-*.txt"), Path(__file__)]
    sources += [Path(str(module.__file__)) for module in (pairs, others)]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()
