from collections.abc import Iterator
from typing import Any

import pytest

from convert.lowering.registry import BLOCK_LOWERINGS, EMITTERS, LOWERINGS, class_name
from tests.families import families

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, while made

NO_FILE = {
    "sklearn.ClassifierChain",
    "sklearn.MultiOutputClassifier",
    "sklearn._ConstantPredictor",
    "sklearn.HashingVectorizer",
    "convert.Taken",
    "imblearn.Pipeline",
}
"""Several labels a row and hashed words are refused; an imbalanced pipeline is lowered as
any; the others stand inside of what has a file."""


def parts(value: Any) -> Iterator[Any]:
    """Yield the estimators and transformers in a pipeline that is not fitted."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from parts(part)
    elif hasattr(value, "get_params") and not isinstance(value, type):
        yield value
        yield from parts(list(vars(value).values()))


def test_every_estimator_and_transformer_has_a_file() -> None:
    made = {
        class_name(base)
        for family in families()
        for part in parts(family.make())
        for base in type(part).__mro__
    }
    wanted = {*EMITTERS.names(), *LOWERINGS.names(), *BLOCK_LOWERINGS.names()}

    assert wanted - made == NO_FILE


def test_no_two_families_have_one_name() -> None:
    names = [(f.preprocessing, f.estimator, *f.target) for f in families()]

    assert len(set(names)) == len(names)
