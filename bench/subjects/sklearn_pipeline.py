"""The pickled pipeline of the contenders that serve scikit-learn itself.

It is the one that `python -m convert train` fits: same rows, same split, same seed.
"""

import pickle
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from bench.errors import Refusal
from convert.training.regressors import make_candidate

TARGET = "math_score"
TEST_SIZE = 0.2
SEED = 42


def write_pipeline(table: Path, path: Path) -> None:
    """Fit the classic pipeline to `table` and pickle it to `path`.

    Raises
    ------
    Refusal
        If the table has no column `TARGET`.
    """
    students = pd.read_csv(table)
    if TARGET not in students:
        raise Refusal(f"{table} has no column {TARGET!r}: give the students' table")
    train, _ = train_test_split(students, test_size=TEST_SIZE, random_state=SEED)
    features = train.drop(columns=TARGET)
    numbers = list(features.select_dtypes("number"))
    categories = [name for name in features if name not in numbers]
    pipeline = make_candidate("linear", numbers, categories, SEED)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(pipeline.fit(features, train[TARGET])))
