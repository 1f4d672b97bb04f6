"""Closes the attributes that choose a method, a file or a length while predicting.

The table of states says that an attribute is a text or a number. What scikit-learn does
with some of these texts and numbers was read in its source: each such attribute has a
rule here, with the reason. Names that only index a dictionary of scikit-learn's own
(``loss``, ``criterion``, ``kernel``, ``metric``) need none: an unknown one is an error.
"""

import codecs
import functools
import numbers
import re
from collections.abc import Callable
from typing import Any, NamedTuple

MOST_THREADS = 1024
LONGEST_PATTERN = 1000
MOST_REPETITIONS = 2
MOST_CLASSES = 1_000_000
MOST_FEATURES = 2**31 - 1
"""scikit-learn's own bound: indices of sparse columns have 32 bits."""
MOST_NGRAMS = 50
MOST_STEPS = 1000
MOST_DEGREES = 100

SHAPE_UNCHECKED = "predict_disable_shape_check"

RESPONSES = {"predict", "predict_proba", "decision_function", "predict_log_proba"}


class Rule(NamedTuple):
    """What an attribute must be.

    Parameters
    ----------
    classes, attributes
        Regular expressions for the whole of a class's name and an attribute's.
    holds
        Says whether a value will do.
    said
        What was expected, the end of a sentence.
    """

    classes: str
    attributes: str
    holds: Callable[[Any], bool]
    said: str


def _one_of(*options: Any) -> Callable[[Any], bool]:
    return lambda value: any(type(value) is type(o) and value == o for o in options)


def _all_of(*options: Any) -> Callable[[Any], bool]:
    """Take one of the options, or a list or tuple of them."""
    is_one = _one_of(*options)
    return lambda value: all(
        map(is_one, value if isinstance(value, list | tuple) else [value])
    )


def _between(least: int, most: int) -> Callable[[Any], bool]:
    """Take numbers in these bounds, in a list too, and whatever is no number."""

    def holds(value: Any) -> bool:
        if isinstance(value, list | tuple):
            return all(map(holds, value))
        if hasattr(value, "ravel"):  # numpy's, of any shape
            return all(map(holds, value.ravel().tolist()))
        is_number = hasattr(value, "__index__") or isinstance(value, float)
        return not is_number or least <= value <= most

    return holds


def _matches(pattern: str, *others: Any) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and bool(re.fullmatch(pattern, value))

    return lambda value: holds(value) or _one_of(*others)(value)


def _is_encoding(value: Any) -> bool:
    """Whether it names an encoding of text: looking it up imports only Python's own."""
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]{1,30}", value, re.ASCII):
        return False
    try:
        return bool(codecs.lookup(value)._is_text_encoding)
    except LookupError:
        return False


def _is_pattern(value: Any) -> bool:
    """Whether it is a regular expression that looks for words in a bounded time.

    A repetition of a group is tried in every way: (a+)+$ doubles its time with each a.
    """
    if value is None:
        return True
    if not isinstance(value, str) or len(value) > LONGEST_PATTERN:
        return False
    pattern = value.removeprefix("(?u)")
    if "(" in pattern or len(re.findall(r"[*+{]", pattern)) > MOST_REPETITIONS:
        return False
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _is_output(value: Any) -> bool:
    is_library = _one_of("default", "pandas", "polars", None)
    return isinstance(value, dict) and all(
        key == "transform" and is_library(library) for key, library in value.items()
    )


def _is_numeric_dtype(value: Any) -> bool:
    if hasattr(value, "kind"):  # a dtype of numpy
        return value.kind in "biufO"
    return not isinstance(value, str) or bool(
        re.fullmatch(r"[<>=|]?(bool|object|O|(float|int|uint)\d*|[fiu][1248])", value)
    )


def _checks_shape(value: Any) -> bool:
    """Whether LightGBM will count the columns of what it predicts."""
    return value is False or (isinstance(value, dict) and SHAPE_UNCHECKED not in value)


VECTORIZERS = r"sklearn\.feature_extraction\.text\.\w*Vectorizer"
HASHERS = r"sklearn\.feature_extraction\.(text\.HashingVectorizer|_hash\.FeatureHasher)"
ANY = ".*"

RULES = (
    Rule(
        ANY,
        "memory",
        _one_of(None),
        "a folder is not for a file to choose: set it to None",
    ),
    Rule(
        ANY,
        "n_jobs|_n_jobs|_n_threads|nthread|thread_count|n_threads|num_threads",
        _between(-MOST_THREADS, MOST_THREADS),
        f"{MOST_THREADS} threads are the most",
    ),
    # joblib has evaluated this text as Python
    Rule(
        ANY,
        "pre_dispatch",
        _matches(r"all|(\d{1,4} ?\* ?)?n_jobs", None, *range(MOST_THREADS)),
        "it is a number, 'all', or like '2*n_jobs'",
    ),
    # these are lengths of what is allocated for each row
    Rule(
        ANY,
        "n_classes_?|n_outputs_|_n_classes|n_labels_|n_trees_per_iteration_",
        _between(-1, MOST_CLASSES),
        f"{MOST_CLASSES:,} are the most",
    ),
    # it is counted up to, whatever the booster itself holds
    Rule(
        r"xgboost\..*",
        "n_classes_",
        lambda value: isinstance(value, numbers.Integral),
        "it is a whole number",
    ),
    Rule(
        ANY,
        "n_features_in_|n_features_|n_features|_n_features|_n_features_out",
        _between(-1, MOST_FEATURES),
        f"{MOST_FEATURES:,} are the most",
    ),
    Rule(
        ANY,
        "degree|_min_degree|_max_degree",
        _between(0, MOST_DEGREES),
        f"{MOST_DEGREES} is the most",
    ),
    Rule(ANY, "sample_steps", _between(1, MOST_STEPS), f"{MOST_STEPS} are the most"),
    # the name is looked up as a method of another estimator
    Rule(
        ANY,
        "stack_method|stack_method_|response_method|_response_method|chain_method"
        "|chain_method_|predict_method",
        _all_of("auto", None, *RESPONSES),
        f"it is one of {', '.join(sorted(RESPONSES))}, or 'auto'",
    ),
    # the name is looked up, dot by dot, on the fitted estimator
    Rule(
        ANY,
        "importance_getter",
        _matches(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*"),
        "it is 'auto' or the name of an attribute",
    ),
    # the name is imported
    Rule(ANY, "_sklearn_output_config", _is_output, "it is default, pandas or polars"),
    # the text is a format, in which a width is a length
    Rule(
        ANY,
        "verbose_feature_names_out",
        _matches(r"([^{}]|\{(feature_name|transformer_name)\})*", True, False),
        "it is True, False, or a text with {feature_name} and {transformer_name}",
    ),
    Rule(ANY, "dtype", _is_numeric_dtype, "it is a type of numbers"),
    Rule(
        ANY,
        "activation|out_activation_",
        _one_of("identity", "logistic", "tanh", "relu", "softmax"),
        "it is identity, logistic, tanh, relu or softmax",
    ),
    # a word's hash is divided by it
    Rule(HASHERS, "n_features", _between(1, MOST_FEATURES), "it is at least 1"),
    Rule(
        r"lightgbm\..*",
        f"{SHAPE_UNCHECKED}|_other_params",
        _checks_shape,
        f"{SHAPE_UNCHECKED} lets LightGBM read beside the rows: set it to False",
    ),
    Rule(
        VECTORIZERS,
        "input",
        _one_of("content"),
        "a pipeline that reads files for each row is not converted: use 'content'",
    ),
    Rule(VECTORIZERS, "encoding", _is_encoding, "it is an encoding of text"),
    Rule(
        VECTORIZERS,
        "decode_error",
        _one_of("strict", "ignore", "replace"),
        "it is strict, ignore or replace",
    ),
    Rule(VECTORIZERS, "preprocessor|tokenizer", _one_of(None), "it is None"),
    Rule(
        VECTORIZERS,
        "analyzer",
        _one_of("word", "char", "char_wb"),
        "it is word, char or char_wb",
    ),
    Rule(
        VECTORIZERS,
        "strip_accents",
        _one_of("ascii", "unicode", None),
        "it is ascii, unicode or None",
    ),
    Rule(
        VECTORIZERS,
        "token_pattern",
        _is_pattern,
        f"it is a regular expression of {LONGEST_PATTERN} characters at most, without "
        f"groups and with {MOST_REPETITIONS} repetitions at most",
    ),
    Rule(
        VECTORIZERS,
        "ngram_range",
        _between(1, MOST_NGRAMS),
        f"{MOST_NGRAMS} words are the most",
    ),
)


@functools.cache
def rules_of(kind_of_class: tuple[str, str], attribute: str) -> tuple[Rule, ...]:
    """Return the rules of an attribute of a class, which is given by module and name."""
    name = ".".join(kind_of_class)
    return tuple(
        rule
        for rule in RULES
        if re.fullmatch(rule.attributes, attribute) and re.fullmatch(rule.classes, name)
    )
