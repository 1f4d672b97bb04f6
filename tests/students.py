"""Makes up students: the columns of the published table, none of its rows."""

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

GENDERS = ["female", "male"]
GROUPS = ["group A", "group B", "group C", "group D", "group E"]
EDUCATIONS = [
    "associate's degree",
    "bachelor's degree",
    "high school",
    "master's degree",
    "some college",
    "some high school",
]
LUNCHES = ["free/reduced", "standard"]
COURSES = ["completed", "none"]


def make_students(n_rows: int = 400, seed: int = 7) -> pd.DataFrame:
    """Return `n_rows` fictional students, scores in whole points from 0 to 100."""
    rng = np.random.default_rng(seed)
    students = pd.DataFrame(
        {
            "gender": rng.choice(GENDERS, n_rows),
            "race_ethnicity": rng.choice(GROUPS, n_rows),
            "parental_level_of_education": rng.choice(EDUCATIONS, n_rows),
            "lunch": rng.choice(LUNCHES, n_rows, p=[0.35, 0.65]),
            "test_preparation_course": rng.choice(COURSES, n_rows, p=[0.36, 0.64]),
        }
    )
    ability = (
        rng.normal(64, 13, n_rows) + 6 * (students["lunch"] == "standard").to_numpy()
    )
    language = ability + 5 * (students["gender"] == "female").to_numpy()
    prepared = (students["test_preparation_course"] == "completed").to_numpy()
    writing = language + 4 * prepared
    maths = ability + 6 * (students["gender"] == "male").to_numpy()
    students["math_score"] = _points(maths, rng)
    students["reading_score"] = _points(language, rng)
    students["writing_score"] = _points(writing, rng)
    return students


def _points(scores: Floats, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    noisy = scores + rng.normal(0, 4, len(scores))
    return noisy.round().clip(0, 100).astype(np.int64)
