from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import ElasticNet, HuberRegressor, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
)

from convert.export import export
from convert.fitted.frame import make_columns
from convert.tables.description import Description
from server.runtime.session import Session
from server.signature import Provenance
from tests.pairs import NUMBERS, TEXTS, make_homes

BINS = KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")
POLYNOMIAL = make_pipeline(StandardScaler(), PolynomialFeatures(2))


def contribute(step: Any, regressor: Any) -> tuple[Any, Any, float | None]:
    """Return predictions, contributions (n_rows, 5) and the baseline."""
    homes = make_homes()
    X = homes[[*NUMBERS, *TEXTS]]
    made = ColumnTransformer([("n", step, NUMBERS), ("t", OneHotEncoder(), TEXTS)])
    pipeline = make_pipeline(made, regressor).fit(X, homes["price"])
    exported = export(pipeline, X, X, ["price"], Description(name="home"), Provenance())
    with Session(exported.content) as session:
        columns = make_columns(X, exported.signature.features)
        names = [port.name for port in session.outputs]
        arrays = [np.array(t.values) for t in session.predict(names, columns, len(X))]
    contributions = arrays[1].reshape(len(X), -1) if len(arrays) > 1 else None
    return arrays[0], contributions, exported.signature.targets[0].baseline


@pytest.mark.parametrize(
    "step",
    [StandardScaler(), PowerTransformer(), BINS, SplineTransformer(), POLYNOMIAL],
)
@pytest.mark.parametrize(
    "regressor", [Ridge(), ElasticNet(), HuberRegressor(max_iter=999)]
)
@pytest.mark.filterwarnings("ignore")
def test_contributions_add_up_to_the_prediction(step: Any, regressor: Any) -> None:
    predictions, contributions, baseline = contribute(step, regressor)

    assert baseline is not None
    np.testing.assert_allclose(
        contributions.sum(axis=1) + baseline, predictions, rtol=1e-12
    )
    assert baseline == pytest.approx(predictions.mean())


def test_a_link_that_is_not_the_identity_has_no_contributions() -> None:
    _, contributions, baseline = contribute(StandardScaler(), PoissonRegressor())

    assert (contributions, baseline) == (None, None)


def test_a_product_is_shared_by_its_factors_alone() -> None:
    homes = make_homes()
    X = homes[["area / m²", "distance", "built"]]
    pairs = [
        ("p", PolynomialFeatures(interaction_only=True), ["area / m²", "distance"])
    ]
    pipeline = make_pipeline(
        ColumnTransformer(pairs, remainder="passthrough"), Ridge()
    ).fit(X, X["area / m²"] * X["distance"])

    exported = export(pipeline, X, X, ["y"], Description(name="y"), Provenance())

    with Session(exported.content) as session:
        rows = make_columns(X, exported.signature.features)
        (found,) = session.predict(["contributions"], rows, len(X))
    contributions = np.abs(np.array(found.values).reshape(-1, 3)).mean(axis=0)
    assert contributions[2] < 1e-2 * contributions[:2].min()
