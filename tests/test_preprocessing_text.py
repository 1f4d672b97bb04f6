from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.pipeline import make_pipeline

from convert.errors import Refusal
from tests.lowered import compare, lower_to_model, run, transform

TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "a dog, a fox; an OTTER!",
    "Ein größerer Fuchs springt über den faulen Hund",
    "état ÉTAT Été déjà-vu naïve",
    "цена 1234 рублей ЦЕНА",
    "価格は 高い です",
    "x_y snake_case 3.14 e-mail@example.org",
    "",
    "...",
    "the the the fox fox",
    "line one\nline two\ttabbed",
    "I",
]


def make_texts(n_rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = " ".join(TEXTS).split()
    made = [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(n_rows)]
    return pd.DataFrame({"review text": TEXTS + made})


VECTORIZERS: list[Any] = [
    CountVectorizer(),
    CountVectorizer(binary=True),
    CountVectorizer(lowercase=False, token_pattern=r"\w+"),
    CountVectorizer(ngram_range=(1, 3), min_df=2),
    CountVectorizer(ngram_range=(2, 2)),
    TfidfVectorizer(),
    TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=40),
    TfidfVectorizer(stop_words="english"),
    TfidfVectorizer(norm="l1", smooth_idf=False),
    TfidfVectorizer(norm=None, use_idf=False, token_pattern=r"(?u)\b\w+\b"),
]


@pytest.mark.filterwarnings("ignore:Your stop_words may be inconsistent")
@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_vectorizer_agrees_on_accents_digits_and_empty_texts(vectorizer: Any) -> None:
    union = ColumnTransformer([("text", vectorizer, "review text")])
    union.fit(make_texts())

    assert compare(union, make_texts(), make_texts(200)) < 1e-15


def test_rows_without_any_token_give_zeros() -> None:
    vectorizer = ColumnTransformer([("text", CountVectorizer(), "t")])
    vectorizer.fit(pd.DataFrame({"t": TEXTS}))
    model, _ = lower_to_model(vectorizer, pd.DataFrame({"t": TEXTS}))

    assert not run(model, pd.DataFrame({"t": ["", "...", "I"]})).any()


@pytest.mark.parametrize("text", ["İstanbul fox", "ΟΔΟΣ dog", None])
def test_text_that_python_reads_in_its_own_way_gives_nan(text: str | None) -> None:
    vectorizer = ColumnTransformer([("text", TfidfVectorizer(), "t")])
    vectorizer.fit(pd.DataFrame({"t": TEXTS}))
    model, _ = lower_to_model(vectorizer, pd.DataFrame({"t": TEXTS}))

    rows = pd.DataFrame({"t": [text, "a dog"]}, dtype=object)
    assert np.isnan(run(model, rows)).all(axis=1).tolist() == [True, False]


def test_text_pipeline_on_a_single_column_goes_through_projection() -> None:
    steps = make_pipeline(
        CountVectorizer(), TfidfTransformer(), TruncatedSVD(3, random_state=0)
    )
    texts = make_texts()
    steps.fit(texts["review text"])
    model, _ = lower_to_model(steps, texts)

    expected = transform(steps, texts["review text"])
    assert np.abs(run(model, texts) - expected).max() < 1e-14


REFUSED: list[Any] = [
    (CountVectorizer(analyzer="char_wb"), "analyzer"),
    (CountVectorizer(strip_accents="unicode"), "strip_accents"),
    (TfidfVectorizer(stop_words=["the"], ngram_range=(1, 2)), "stop words"),
    (CountVectorizer(token_pattern="[a-z]+"), "token_pattern"),
    (CountVectorizer(tokenizer=str.split, token_pattern=None), "tokenizer"),
    (HashingVectorizer(n_features=8), "use TfidfVectorizer"),
]


@pytest.mark.parametrize(("vectorizer", "reason"), REFUSED, ids=[r for _, r in REFUSED])
def test_text_without_exact_form_is_refused(vectorizer: Any, reason: str) -> None:
    union = ColumnTransformer([("text", vectorizer, "review text")])
    union.fit(make_texts())

    with pytest.raises(Refusal, match=f"step 'text'.*{reason}"):
        lower_to_model(union, make_texts())
