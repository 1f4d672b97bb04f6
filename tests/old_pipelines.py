"""Fits and pickles pipelines with whatever scikit-learn runs this; knows no other file.

``python old_pipelines.py FOLDER`` reads `fitted.csv` and `asked.csv` there and writes,
for each estimator, `NAME.pkl` and in `NAME.json` what it predicts of the rows asked.
It runs on Python 3.8 and scikit-learn 1.0.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor

TARGETS = {"price", "sold"}

ESTIMATORS = [
    LinearRegression(),
    LogisticRegression(max_iter=2000),
    DecisionTreeRegressor(max_depth=6, random_state=0),
    RandomForestRegressor(20, random_state=0),
    RandomForestClassifier(20, random_state=0),
    GradientBoostingRegressor(n_estimators=30, random_state=0),
    GradientBoostingClassifier(n_estimators=30, random_state=0),
    HistGradientBoostingRegressor(max_iter=30, random_state=0),
    HistGradientBoostingClassifier(max_iter=30, random_state=0),
    SVR(),
    SVC(),
    KernelRidge(kernel="rbf"),
    KNeighborsRegressor(),
]


def make_pipeline(estimator: Any, table: pd.DataFrame) -> Pipeline:
    texts = list(table.select_dtypes("object"))
    numbers = [name for name in table if name not in texts]
    number = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    text = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore")),
        ]
    )
    both = ColumnTransformer([("numbers", number, numbers), ("texts", text, texts)])
    return Pipeline([("preprocessor", both), ("model", estimator)])


def write(
    folder: Path, estimator: Any, fitted: pd.DataFrame, asked: pd.DataFrame
) -> None:
    """Write one pickle, and what its pipeline predicts."""
    rows = fitted.drop(columns=list(TARGETS))
    pipeline = make_pipeline(estimator, rows)
    pipeline.fit(rows, fitted["sold" if is_classifier(estimator) else "price"])
    answers = {"predictions": pipeline.predict(asked).tolist()}
    if hasattr(pipeline, "predict_proba"):
        answers["probabilities"] = pipeline.predict_proba(asked).tolist()
    path = folder / type(estimator).__name__
    path.with_suffix(".pkl").write_bytes(pickle.dumps(pipeline))
    path.with_suffix(".json").write_text(json.dumps(answers))


def main(folder: Path) -> None:
    fitted, asked = (pd.read_csv(folder / name) for name in ("fitted.csv", "asked.csv"))
    for estimator in ESTIMATORS:
        write(folder, estimator, fitted, asked)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
