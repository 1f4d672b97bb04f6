import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from convert.errors import Refusal
from convert.export import export
from convert.fitted import asked
from convert.fitted.asked import asked_values
from convert.fitted.oracle import Oracle
from convert.tables.description import Description
from server.batch import Columns
from server.contracts.predict.rows import RowReader
from server.model import Model
from server.problems import Problem
from server.signature import Provenance
from tests.encoders import (
    Default,
    Digest,
    Initial,
    Length,
    Lowered,
    Mean,
    Packed,
    Pattern,
    Ranked,
    Strict,
    Trimmed,
    make_flats,
)

FLATS = make_flats()
HIDDEN = ["Oslo", "Voss"]
"""Towns that were fitted on and that no sample holds."""

SAMPLE = FLATS[~FLATS["town"].isin(HIDDEN) & (FLATS["rooms"] != 7)].head(60)

WORTH = {"Oslo": 9.0, "Hamar": 4.0}


def from_a_global(X: pd.DataFrame) -> Any:
    return X.map(lambda town: WORTH.get(town, -1.0))


def from_its_code(X: pd.DataFrame) -> Any:
    return X.map(lambda town: {"Oslo": 4.0, "Voss": 90.0}.get(town, 0.0))


def from_arguments(X: pd.DataFrame, table: dict[str, float]) -> Any:
    return X.map(lambda town: table.get(town, 2.5))


class Served(NamedTuple):
    """How the answers to some rows compare with the pipeline's own."""

    n_right: int
    n_wrong: int
    n_rejected: int


def fit(encoder: Any, columns: list[str], estimator: Any = None) -> Any:
    made = ColumnTransformer(
        [("encoder", encoder, columns), ("area", StandardScaler(), ["area"])]
    )
    estimator = Ridge() if estimator is None else estimator
    return make_pipeline(made, estimator).fit(FLATS[[*columns, "area"]], FLATS["price"])


def forest() -> RandomForestRegressor:
    return RandomForestRegressor(8, random_state=0)


def serve(
    pipeline: Any, sample: pd.DataFrame, rows: pd.DataFrame, folder: Path
) -> Served:
    """Export with a sample, and ask a server's model for each of the rows."""
    exported = export(
        pipeline, sample, sample, ["price"], Description(name="flat"), Provenance()
    )
    path = folder / "flat.onnx"
    path.write_bytes(exported.content)
    model = Model.load(path)
    reader = RowReader(model.signature, max_rows=1)
    columns = Columns(model.signature.features)
    counts = [0, 0, 0]
    for position in range(len(rows)):
        row = rows.iloc[[position]]
        try:
            batch = reader.read(json.dumps(row.to_dict("records")[0]).encode())
        except Problem:
            counts[2] += 1
            continue
        (answer,) = model.predictions(model.predict(columns.of(batch.rows), 1))
        expected = float(pipeline.predict(row)[0])
        counts[0 if answer == pytest.approx(expected, rel=1e-9) else 1] += 1
    model.close()
    return Served(*counts)


def beyond(column: str) -> pd.DataFrame:
    """Return rows of the table, and half of them with a text that is made up."""
    rng = np.random.default_rng(5)
    rows = FLATS[[column, "area"]].sample(80, random_state=1)
    changes: list[Callable[[str], str]] = [str.upper, str.title, str.swapcase]
    changes += [lambda t: f" {t}", lambda t: t + "1", lambda t: t + t]
    changes += [lambda t: t[1:], lambda t: t[::-1], lambda t: "?"]
    made_up = [
        changes[int(rng.integers(len(changes)))](text) if rng.random() < 0.5 else text
        for text in rows[column]
    ]
    return rows.assign(**{column: made_up})


LOOKING_UP: dict[str, Any] = {
    "mean": Mean(),
    "default": Default(),
    "strict": Strict(),
    "lowered": Lowered(),
    "packed": Packed(),
    "trimmed": Trimmed(handle_unknown="ignore"),
    "a global": FunctionTransformer(from_a_global),
    "its code": FunctionTransformer(from_its_code),
    "arguments": FunctionTransformer(from_arguments, kw_args={"table": WORTH}),
    "initials": make_pipeline(Initial(), OneHotEncoder(handle_unknown="ignore")),
    "behind an imputer": make_pipeline(
        SimpleImputer(strategy="most_frequent").set_output(transform="pandas"), Mean()
    ),
    "beside": FeatureUnion(
        [("own", OneHotEncoder(handle_unknown="ignore")), ("mean", Mean())]
    ),
}
LOOKING_INTO: dict[str, Any] = {
    "pattern": Pattern(),
    "length": Length(),
    "digest": Digest(),
    "ranked": Ranked(),
}


@pytest.mark.parametrize("estimator", [Ridge, forest])
@pytest.mark.parametrize("name", LOOKING_UP | LOOKING_INTO)
def test_no_text_beyond_the_sample_is_answered_as_the_pipeline_does_not(
    name: str, estimator: Any, tmp_path: Path
) -> None:
    column = "code" if name in LOOKING_INTO else "town"
    pipeline = fit((LOOKING_UP | LOOKING_INTO)[name], [column], estimator())

    served = serve(pipeline, SAMPLE[[column, "area"]], beyond(column), tmp_path)

    assert served.n_wrong == 0
    assert served.n_right > 10
    assert served.n_rejected > 10


@pytest.mark.parametrize("name", sorted(LOOKING_UP.keys() - {"lowered", "initials"}))
def test_what_the_fitted_state_holds_is_answered_though_the_sample_lacks_it(
    name: str, tmp_path: Path
) -> None:
    pipeline = fit(LOOKING_UP[name], ["town"])
    rows = FLATS[FLATS["town"] == "Oslo"][["town", "area"]]

    served = serve(pipeline, SAMPLE[["town", "area"]], rows, tmp_path)

    assert served == Served(n_right=len(rows), n_wrong=0, n_rejected=0)


def in_a_target() -> Any:
    return TransformedTargetRegressor(
        fit(Mean(), ["town"]), transformer=StandardScaler()
    )


def in_a_vote() -> Any:
    own = OneHotEncoder(handle_unknown="ignore")
    members = [("a", fit(Mean(), ["town"])), ("b", fit(own, ["town"], forest()))]
    return VotingRegressor(members)


def behind_columns() -> Any:
    filled = ColumnTransformer(
        [("town", SimpleImputer(strategy="most_frequent"), ["town"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    steps = [("filled", filled.set_output(transform="pandas")), ("mean", Mean())]
    return Pipeline([*steps, ("regressor", Ridge())])


@pytest.mark.parametrize("make", [in_a_target, in_a_vote])
def test_an_encoder_is_found_wherever_it_stands(make: Any, tmp_path: Path) -> None:
    pipeline = make().fit(FLATS[["town", "area"]], FLATS["price"])
    rows = beyond("town")

    served = serve(pipeline, SAMPLE[["town", "area"]], rows, tmp_path)

    n_known = int(rows["town"].isin(FLATS["town"]).sum())
    assert served == Served(n_known, 0, len(rows) - n_known)


def test_columns_behind_a_column_transformer_are_asked_for_too() -> None:
    pipeline = behind_columns().fit(FLATS[["town", "area"]], FLATS["price"])
    oracle = Oracle(pipeline)

    found = asked_values(oracle, SAMPLE[["town", "area"]])

    assert set(found["town"]) == set(FLATS["town"])


@pytest.mark.parametrize("estimator", [Ridge, forest])
def test_numbers_that_are_looked_up_are_categories(
    estimator: Any, tmp_path: Path
) -> None:
    pipeline = fit(Mean(), ["rooms"], estimator())
    rows = FLATS[["rooms", "area"]].head(20)
    odd = rows.assign(rooms=[8, -1, 37, 1000] * 5)

    served = serve(
        pipeline, SAMPLE[["rooms", "area"]], pd.concat([rows, odd]), tmp_path
    )

    assert served == Served(n_right=20, n_wrong=0, n_rejected=20)


def test_numbers_that_are_computed_with_are_numbers() -> None:
    double = fit(FunctionTransformer(lambda X: X * 2), ["rooms"])

    found = asked_values(Oracle(double), SAMPLE[["rooms", "area"]])

    assert found == {"rooms": ()}


@pytest.mark.parametrize("estimator", [Ridge, forest])
def test_both_truths_are_asked_for_where_the_sample_has_one(
    estimator: Any, tmp_path: Path
) -> None:
    worth = FunctionTransformer(lambda X: np.where(X, 5.0, -2.0))
    pipeline = fit(worth, ["lift"], estimator())
    rows = FLATS[["lift", "area"]].head(40)

    served = serve(pipeline, rows[rows["lift"]], rows, tmp_path)

    assert served == Served(n_right=40, n_wrong=0, n_rejected=0)


def test_a_dtype_gives_the_categories() -> None:
    flats = FLATS.astype({"town": "category"})
    pipeline = fit(Mean(), ["town"])
    sample = flats[["town", "area"]].head(4)

    found = asked_values(Oracle(pipeline), sample)

    assert found == {"town": tuple(sorted(FLATS["town"].unique()))}


@pytest.mark.parametrize("column", ["code", "rooms"])
def test_too_many_values_to_ask_for_are_refused(
    column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MAX_ASKED", 3)
    pipeline = fit(Mean(), [column])
    oracle = Oracle(pipeline)
    n_values = SAMPLE[column].nunique()

    with pytest.raises(
        Refusal, match=rf"{column!r} has {n_values} values and goes through Mean, which"
    ):
        asked_values(oracle, SAMPLE[[column, "area"]])


def test_a_pipeline_of_scikit_learn_is_not_asked() -> None:
    pipeline = fit(OneHotEncoder(handle_unknown="ignore"), ["town"])

    found = asked_values(Oracle(pipeline), SAMPLE[["town", "area"]])

    assert found == {}
