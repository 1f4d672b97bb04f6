"""CountVectorizer and TfidfVectorizer over one column of text.

onnxruntime's tokenizer and lower-casing agree with Python's on every character but two
(`ODD_LETTERS`). A text that holds one of them gets NaN, not a number that may be wrong.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfVectorizer,
)

from convert.fitted.features import ODD_LETTERS
from convert.graph.arithmetic import axes, log, or_nan, row
from convert.graph.blocks import Block, Column, Frame, Matrix, all_owners
from convert.graph.builder import Graph, Tensor
from convert.lowering.registry import lowers, lowers_block
from convert.lowering.step import Step, refuse
from server.signature import MISSING_TEXT

PATTERNS = {
    r"(?u)\b\w\w+\b": r"[\p{L}\p{N}_]{2,}",
    r"\b\w\w+\b": r"[\p{L}\p{N}_]{2,}",
    r"\w\w+": r"[\p{L}\p{N}_]{2,}",
    r"(?u)\b\w+\b": r"[\p{L}\p{N}_]+",
    r"\b\w+\b": r"[\p{L}\p{N}_]+",
    r"(?u)\w+": r"[\p{L}\p{N}_]+",
    r"\w+": r"[\p{L}\p{N}_]+",
}
"""Python's token patterns → the same in RE2, whose \\w knows ASCII only."""

PADDING = "\ufdd1"
"""Fills the rows of the token matrix; a noncharacter, so no token equals it."""


@lowers_block(
    "sklearn.CountVectorizer", "sklearn.HashingVectorizer", "sklearn.TfidfVectorizer"
)
def lower_text(graph: Graph, step: Step, block: Block) -> Matrix:
    """Count the terms of the vocabulary in each text, and weigh them if it says so.

    Raises
    ------
    Unsupported
        The column is no text, or a setting or the class has no operator.
    """
    column = _only_column(step, block)
    _check(step)
    vectorizer = step.transformer
    flat = graph.add("Reshape", column.tensor, graph.constant([-1], np.int64))
    tokens = _tokens(graph, vectorizer, flat)
    counts = graph.add("Cast", _count(graph, step, tokens), to=TensorProto.DOUBLE)
    if vectorizer.binary:
        counts = graph.add("Sign", counts)
    known = graph.add("Not", _strange(graph, vectorizer, column.tensor))
    counts = or_nan(graph, known, counts)
    matrix = Matrix(counts, (column.owners,) * len(vectorizer.vocabulary_))
    if not isinstance(vectorizer, TfidfVectorizer):
        return matrix
    tfidf = step._replace(transformer=vectorizer._tfidf)
    return lower_tfidf(graph, tfidf, matrix)


def _only_column(step: Step, block: Block) -> Column:
    if isinstance(block, Frame) and len(block.columns) == 1 and block.has_text:
        return block.columns[0]
    raise refuse(step, "it does not read one column of text; select the column by name")


def _check(step: Step) -> None:
    vectorizer = step.transformer
    if type(vectorizer) not in (CountVectorizer, TfidfVectorizer):
        raise refuse(step, "its features have no exact form; use TfidfVectorizer")
    if vectorizer.analyzer != "word":
        raise refuse(
            step, f"analyzer={vectorizer.analyzer!r} has no operator; use 'word'"
        )
    for option in ("strip_accents", "preprocessor", "tokenizer"):
        if getattr(vectorizer, option) is not None:
            raise refuse(
                step,
                f"{option} runs Python on each text; leave it None, or clean the text "
                f"before the pipeline",
            )
    if vectorizer.token_pattern not in PATTERNS:
        known = ", ".join(PATTERNS)
        raise refuse(
            step, f"token_pattern is {vectorizer.token_pattern!r}; use one of {known}"
        )
    if vectorizer.stop_words is not None and vectorizer.ngram_range != (1, 1):
        raise refuse(
            step,
            "stop words are removed before n-grams are formed, which no operator "
            "does; use stop_words=None or ngram_range=(1, 1)",
        )


def _tokens(graph: Graph, vectorizer: Any, flat: Tensor) -> Tensor:
    if vectorizer.lowercase:
        flat = graph.add(
            "StringNormalizer",
            flat,
            case_change_action="LOWER",
            is_case_sensitive=1,
            # in every image of a GNU system, as en_US.UTF-8, the default, is not
            locale="C.UTF-8",
        )
    return graph.add(
        "Tokenizer",
        flat,
        domain="com.microsoft",
        mark=0,
        mincharnum=1,
        pad_value=PADDING,
        tokenexp=PATTERNS[vectorizer.token_pattern],
    )


def _count(graph: Graph, step: Step, tokens: Tensor) -> Tensor:
    """Return how often each term occurs, float32 (n_rows, n_terms).

    Raises
    ------
    Unsupported
        If the vocabulary holds terms that ngram_range excludes.
    """
    vectorizer = step.transformer
    shortest, longest = vectorizer.ngram_range
    terms = sorted(
        ((term.split(" "), index) for term, index in vectorizer.vocabulary_.items()),
        key=lambda item: len(item[0]),
    )
    lengths = [len(words) for words, _ in terms]
    if lengths[0] < shortest or lengths[-1] > longest:
        raise refuse(
            step, "its vocabulary holds terms that ngram_range excludes; remove them"
        )
    pool = [word for words, _ in terms for word in words]
    sizes = range(1, longest + 1)
    starts = [sum(n for n in lengths if n < size) for size in sizes]
    return graph.add(
        "TfIdfVectorizer",
        tokens,
        mode="TF",
        min_gram_length=shortest,
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=[int(index) for _, index in terms],
        pool_strings=pool,
    )


def _strange(graph: Graph, vectorizer: Any, texts: Tensor) -> Tensor:
    """Tell which texts are missing, or hold a letter that lower-cases differently."""
    missing = MISSING_TEXT
    pattern = f"{missing}|(?s).*[{ODD_LETTERS}].*" if vectorizer.lowercase else missing
    return graph.add("RegexFullMatch", texts, pattern=pattern)


@lowers("sklearn.TfidfTransformer")
def lower_tfidf(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    tfidf = step.transformer
    counts = matrix.tensor
    if tfidf.sublinear_tf:
        one, zero = graph.constant(1.0), graph.constant(0.0)
        damped = graph.add("Add", log(graph, counts), one)
        counts = graph.add("Where", graph.add("Equal", counts, zero), zero, damped)
    if tfidf.use_idf:
        counts = graph.add("Mul", counts, row(graph, tfidf.idf_))
    if tfidf.norm is None:
        return matrix._replace(tensor=counts)
    owners = (all_owners(matrix),) * matrix.n_columns
    return Matrix(_normalize(graph, counts, tfidf.norm), owners)


def _normalize(graph: Graph, x: Tensor, norm: str) -> Tensor:
    op = {"l1": "ReduceL1", "l2": "ReduceL2"}[norm]
    size = graph.add(op, x, axes(graph, 1))
    empty = graph.add("Equal", size, graph.constant(0.0))
    divisor = graph.add("Where", empty, graph.constant(1.0), size)
    return graph.add("Div", x, divisor)
