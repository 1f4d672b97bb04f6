"""Encoders and functions as other people write them, each with its own way to look up."""

import bisect
import re
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import OneHotEncoder

Floats = npt.NDArray[np.float64]


class Encoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encodes each column by itself, one value at a time."""

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        self.feature_names_in_ = np.array(X.columns, object)
        self.n_features_in_ = X.shape[1]
        self.learn(X, pd.Series(np.asarray(y), X.index))
        return self

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        """Remember what is needed; a function of the value alone needs nothing."""

    def transform(self, X: pd.DataFrame) -> Floats:
        columns = [[self.one(str(name), v) for v in X[name]] for name in X]
        return np.array(columns, np.float64).T

    def one(self, name: str, value: Any) -> float:
        raise NotImplementedError


class Mean(Encoder):
    """Keeps two tables in pandas, as category_encoders' TargetEncoder does."""

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        self.codes: list[dict[str, Any]] = []
        self.means: dict[str, pd.Series[Any]] = {}
        for name in map(str, X):
            keys = pd.Index(X[name].dropna().unique())
            self.codes.append(
                {"col": name, "mapping": pd.Series(range(len(keys)), keys)}
            )
            self.means[name] = y.groupby(X[name]).mean().reindex(keys)
        self.overall = y.mean()

    def one(self, name: str, value: Any) -> float:
        table = next(t["mapping"] for t in self.codes if t["col"] == name)
        code = table.get(value, -1)
        return self.overall if code < 0 else float(self.means[name].iloc[int(code)])


class Default(Encoder):
    """A dictionary, and a default."""

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        keys = sorted(set(X.stack()))
        self.ranks = {key: 3.0 * rank for rank, key in enumerate(keys)}

    def one(self, name: str, value: Any) -> float:
        return self.ranks.get(value, -7.0)


class Strict(Default):
    """The same, and a KeyError for what it does not know."""

    def one(self, name: str, value: Any) -> float:
        return self.ranks[value]


class Lowered(Default):
    """Keys in lower case: it knows values that are not among its keys."""

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        super().learn(X.apply(lambda column: column.str.lower()), y)

    def one(self, name: str, value: Any) -> float:
        return self.ranks.get(str(value).lower(), -7.0)


class Packed(Default):
    """Keys in bytes, in an array behind slots."""

    class Keys:
        __slots__ = ("sorted",)
        sorted: Any

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        self.keys = Packed.Keys()
        self.keys.sorted = np.array(
            sorted({str(v).encode() for v in X.stack()}), object
        )

    def one(self, name: str, value: Any) -> float:
        return float(
            np.append(np.flatnonzero(self.keys.sorted == value.encode()), -1)[0]
        )


class Ranked(Default):
    """A sorted list: what lies between two keys has an answer of its own."""

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        self.keys = sorted(set(X.stack()))

    def one(self, name: str, value: Any) -> float:
        return float(bisect.bisect(self.keys, value))


class Pattern(Encoder):
    """A regular expression: it holds no value at all."""

    def one(self, name: str, value: Any) -> float:
        return float(re.fullmatch(r"[A-Z]{2}-\d+", value) is not None)


class Length(Encoder):
    def one(self, name: str, value: Any) -> float:
        return float(len(value))


class Digest(Encoder):
    """A sum over the letters: any two texts may differ."""

    def one(self, name: str, value: Any) -> float:
        return float(sum(value.encode()) % 7)


class Trimmed(OneHotEncoder):  # type: ignore[misc]
    """A subclass of scikit-learn's own, which knows more than its categories."""

    def transform(self, X: pd.DataFrame) -> Any:
        return super().transform(X.apply(lambda column: column.str.strip()))


class Initial(Encoder):
    """Makes texts of texts, for an encoder behind it."""

    def transform(self, X: pd.DataFrame) -> Any:
        return X.apply(lambda column: column.str[:1])


class Pairs(Encoder):
    """A table over two columns together."""

    def learn(self, X: pd.DataFrame, y: "pd.Series[Any]") -> None:
        self.means = y.groupby([X.iloc[:, 0], X.iloc[:, 1]]).mean()

    def transform(self, X: pd.DataFrame) -> Floats:
        pairs = zip(X.iloc[:, 0], X.iloc[:, 1], strict=True)
        return np.array([[self.means.get(pair, 0.0)] for pair in pairs], float)


TOWNS = ["Oslo", "Bergen", "Tromsø", "Hamar", "Voss", "Moss"]
KINDS = ["flat", "house", "row house"]


def make_flats(n_rows: int = 300) -> pd.DataFrame:
    """Return texts to encode, an area, whole numbers, booleans, and a price of all."""
    rng = np.random.default_rng(11)
    flats = pd.DataFrame(
        {
            "town": rng.choice(TOWNS, n_rows),
            "kind": rng.choice(KINDS, n_rows),
            "code": [
                f"{letters}{rng.integers(40)}"
                for letters in rng.choice(["AB-", "CD-", "A"], n_rows)
            ],
            "rooms": rng.integers(1, 8, n_rows),
            "lift": rng.random(n_rows) < 0.5,
            "area": rng.gamma(9, 9, n_rows).round(1),
        }
    )
    worth = flats["town"].map({town: 40.0 * i for i, town in enumerate(TOWNS)})
    flats["price"] = (
        3 * flats["area"]
        + worth
        + 90 * flats["code"].str.contains("-")
        + 7 * flats["rooms"] ** 2
        + 25 * flats["lift"]
    )
    return flats
