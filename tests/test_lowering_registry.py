"""One function for each class, and whose function a subclass has."""

from collections.abc import Callable

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from convert.errors import Unsupported
from convert.lowering.registry import (
    BLOCK_LOWERINGS,
    EMITTERS,
    INVERSES,
    LOWERINGS,
    Registry,
    class_name,
)


class RenamedRidge(Ridge):  # type: ignore[misc]
    pass


class RoundedRidge(Ridge):  # type: ignore[misc]
    def predict(self, X: object) -> object:
        return super().predict(X).round()


class RenamedScaler(StandardScaler):  # type: ignore[misc]
    pass


class RenamedDiscriminants(LinearDiscriminantAnalysis):  # type: ignore[misc]
    pass


class RenamedColumns(ColumnTransformer):  # type: ignore[misc]
    pass


class RenamedPipeline(Pipeline):  # type: ignore[misc]
    pass


def test_a_second_function_for_a_class_is_refused() -> None:
    registry: Registry[Callable[..., object]] = Registry()
    first = registry.register("sklearn.Lasso", "sklearn.Ridge")(print)

    with pytest.raises(TypeError, match=r"\['sklearn.Ridge'\] are registered already"):
        registry.register("sklearn.Ridge")(repr)

    assert registry.find(Ridge) is first is print


def test_a_class_is_known_by_its_distribution_not_by_its_module() -> None:
    assert class_name(Ridge) == "sklearn.Ridge"
    assert class_name(RenamedRidge) == f"{__name__.partition('.')[0]}.RenamedRidge"


def test_a_subclass_of_an_estimator_is_emitted_as_its_base() -> None:
    assert EMITTERS.find(RenamedRidge) is EMITTERS.find(Ridge)


def test_a_subclass_of_an_estimator_that_predicts_otherwise_is_refused() -> None:
    with pytest.raises(Unsupported, match="RoundedRidge changes predict of Ridge"):
        EMITTERS.find(RoundedRidge)


def test_a_subclass_of_a_transformer_is_another_class() -> None:
    assert LOWERINGS.find(StandardScaler) is not None
    assert LOWERINGS.find(RenamedScaler) is None
    assert INVERSES.find(StandardScaler) is not None
    assert INVERSES.find(RenamedScaler) is None


def test_a_subclass_of_a_pipeline_is_a_pipeline_and_one_of_columns_is_not() -> None:
    pipeline = BLOCK_LOWERINGS.find(Pipeline)

    assert pipeline is not None
    assert BLOCK_LOWERINGS.find(RenamedPipeline) is pipeline
    assert BLOCK_LOWERINGS.find(ColumnTransformer) is not None
    assert BLOCK_LOWERINGS.find(RenamedColumns) is None


def test_an_estimator_that_transforms_is_followed_there_too() -> None:
    found = LOWERINGS.find(LinearDiscriminantAnalysis)

    assert found is not None
    assert LOWERINGS.find(RenamedDiscriminants) is found


def test_every_table_is_full_before_it_is_asked() -> None:
    assert "lightgbm.LGBMRegressor" in EMITTERS.names()
    assert "sklearn.KNNImputer" in LOWERINGS.names()
    assert "sklearn.CountVectorizer" in BLOCK_LOWERINGS.names()
    assert "sklearn.PowerTransformer" in INVERSES.names()
