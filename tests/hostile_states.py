"""Files whose names are all honest, and whose states make them do something else."""

from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from tests import assembler as a
from tests.hostile_file import WORDS, add, behind, booster, fitted, hostile, texts

LOADING = "code at loading, by allowed names"
PREDICTING = "code at predicting, by allowed names"
WRITING = "a file written, by allowed names"
LASTING = "a change that stays in the process"
HIDING = "an attribute that hides a method"
ENDLESS_STATE = "a state that never ends"
READING = "a file read, by allowed names"


def _tags_of_a_regressor() -> a.Code:
    bunch = a.name("sklearn.utils._bunch", "Bunch")
    partial = a.call(a.name("functools", "partial"), bunch)
    keywords = {"estimator_type": "regressor"}
    return a.build(partial, (bunch, (), keywords, None))


def _frame(**attributes: Any) -> a.Code:
    """Return an empty table with more attributes than it should have."""
    made = a.call(a.name("pandas", "DataFrame"))
    return a.build(made, {"_typ": "dataframe", **attributes})


def _expression(marker: Path) -> str:
    return f"@np.f2py.os.system(\"touch '{marker}'\")"


def _scorer(method: str) -> a.Code:
    score = a.name("sklearn.metrics._classification", "accuracy_score")
    state = {
        "_score_func": score,
        "_sign": 1,
        "_kwargs": {},
        "_response_method": method,
    }
    return a.build(a.new(a.name("sklearn.metrics._scorer", "_Scorer")), state)


def _frame_to_ask() -> a.Code:
    index = a.call(a.name("pandas", "RangeIndex"), 1)
    columns = a.call(a.name("pandas", "Index"), ["a"])
    made = a.call(a.name("pandas", "DataFrame"), [[1]], index, columns)
    own = {"__sklearn_tags__": _tags_of_a_regressor()}
    return a.build(made, {"_typ": "dataframe", **own})


# Point 1: an instance is called at loading


@hostile(LOADING)
def _scorer_that_asks_a_table_to_evaluate(marker: Path) -> bytes:
    called = a.call(_scorer("eval"), _frame_to_ask(), _expression(marker), [1])
    return a.program(called)


@hostile(LOADING)
def _scorer_that_asks_a_table_to_query(marker: Path) -> bytes:
    called = a.call(_scorer("query"), _frame_to_ask(), _expression(marker), [1])
    return a.program(called)


@hostile(LOADING)
def _scorer_that_asks_a_table_to_write(marker: Path) -> bytes:
    called = a.call(_scorer("to_csv"), _frame_to_ask(), str(marker), [1])
    return a.program(called)


@hostile(LOADING)
def _scorer_that_asks_a_table_to_write_a_pickle(marker: Path) -> bytes:
    return a.program(a.call(_scorer("to_pickle"), _frame_to_ask(), str(marker), [1]))


@hostile(LOADING)
def _partial_of_a_scorer_called_at_loading(marker: Path) -> bytes:
    partial = a.call(
        a.name("functools", "partial"), _scorer("to_csv"), _frame_to_ask(), str(marker)
    )
    return a.program(a.call(partial, [1]))


@hostile(LOADING)
def _factory_of_a_dict_that_calls_a_scorer(marker: Path) -> bytes:
    partial = a.call(
        a.name("functools", "partial"),
        *(_scorer("to_csv"), _frame_to_ask(), str(marker), [1]),
    )
    return a.program(a.call(a.name("collections", "defaultdict"), partial))


@hostile(LOADING)
def _constructor_that_is_called_with_a_path(marker: Path) -> bytes:
    booster_ = a.name("xgboost.core", "Booster")
    return a.program(a.call(booster_, {}, [], str(marker)))


@hostile(LOADING)
def _lightgbm_reads_the_file_that_it_is_told(marker: Path) -> bytes:
    return a.program(
        a.call(a.name("lightgbm.basic", "Booster"), None, None, "/etc/passwd")
    )


@hostile(LOADING)
def _metric_called_at_loading(marker: Path) -> bytes:
    score = a.name("sklearn.metrics._classification", "accuracy_score")
    return a.program(a.call(score, [1], [1]))


@hostile(LOADING)
def _check_array_called_with_a_file(marker: Path) -> bytes:
    return a.program(a.call(a.name("sklearn.utils.validation", "check_array"), "/etc"))


@hostile(LOADING)
def _class_made_by_reconstructor_with_a_base(marker: Path) -> bytes:
    make = a.name("copyreg", "_reconstructor")
    kind = a.name("sklearn.pipeline", "Pipeline")
    return a.program(a.call(make, kind, a.name("builtins", "dict"), {"a": 1}))


@hostile(LOADING)
def _codec_that_reads_the_text(marker: Path) -> bytes:
    """_codecs.encode looks a codec up by name, and imports it."""
    return a.program(a.call(a.name("_codecs", "encode"), "x", "antigravity"))


@hostile(LOADING)
def _codec_that_unpacks(marker: Path) -> bytes:
    return a.program(a.call(a.name("_codecs", "encode"), b"x" * 9, "zlib_codec"))


# Point 2: a function that is called at predicting


@hostile(PREDICTING)
def _function_that_is_a_partial_of_a_scorer(marker: Path) -> bytes:
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    return a.dumps(behind(a.call(a.name("functools", "partial"), *bound)))


@hostile(PREDICTING)
def _function_that_is_a_partial_of_an_evaluation(marker: Path) -> bytes:
    bound = (_scorer("eval"), _frame_to_ask(), _expression(marker))
    return a.dumps(behind(a.call(a.name("functools", "partial"), *bound)))


@hostile(PREDICTING)
def _function_that_is_a_scorer(marker: Path) -> bytes:
    return a.dumps(behind(_scorer("to_csv"), kw_args={"X": str(marker), "y_true": 1}))


@hostile(PREDICTING)
def _function_that_is_a_class(marker: Path) -> bytes:
    return a.dumps(behind(a.name("xgboost.core", "Booster")))


@hostile(PREDICTING)
def _function_that_is_a_metric(marker: Path) -> bytes:
    return a.dumps(behind(a.name("sklearn.metrics._regression", "max_error")))


@hostile(PREDICTING)
def _function_that_is_a_bound_method(marker: Path) -> bytes:
    method = a.call(a.name("builtins", "getattr"), _frame_to_ask(), "to_csv")
    return a.dumps(behind(method))


@hostile(PREDICTING)
def _function_that_is_not_pure(marker: Path) -> bytes:
    """numpy.array takes whatever has __array__ and keeps it."""
    return a.dumps(behind(a.name("numpy", "asarray")))


@hostile(PREDICTING)
def _function_with_an_output_argument(marker: Path) -> bytes:
    """`out` writes into an array that something else reads."""
    keywords = {"out": a.array("f8", (1,), bytes(8)), "where": False}
    return a.dumps(behind(a.name("numpy", "log1p"), kw_args=keywords))


@hostile(PREDICTING)
def _inverse_function_that_is_a_partial(marker: Path) -> bytes:
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    partial = a.call(a.name("functools", "partial"), *bound)
    return a.dumps(behind(a.name("numpy", "log1p"), inverse_func=partial))


@hostile(PREDICTING)
def _names_of_features_by_a_partial(marker: Path) -> bytes:
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    partial = a.call(a.name("functools", "partial"), *bound)
    return a.dumps(behind(a.name("numpy", "log1p"), feature_names_out=partial))


@hostile(PREDICTING)
def _target_that_is_transformed_by_a_partial(marker: Path) -> bytes:
    import numpy as np
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import Ridge

    from tests.hostile_file import numbers, target

    made = TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)
    made.fit(numbers(), target())
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    made.transformer_.inverse_func = a.call(a.name("functools", "partial"), *bound)
    return a.dumps(made)


@hostile(PREDICTING)
def _metric_of_neighbours_that_is_a_partial(marker: Path) -> bytes:
    pipeline = fitted("KNeighborsRegressor", algorithm="brute")
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    partial = a.call(a.name("functools", "partial"), *bound)
    pipeline.steps[1][1].metric = partial
    pipeline.steps[1][1].effective_metric_ = partial
    return a.dumps(pipeline)


@hostile(PREDICTING)
def _weights_of_neighbours_that_are_a_partial(marker: Path) -> bytes:
    pipeline = fitted("KNeighborsRegressor")
    bound = (_scorer("to_csv"), _frame_to_ask())
    pipeline.steps[1][1].weights = a.call(a.name("functools", "partial"), *bound)
    return a.dumps(pipeline)


@hostile(PREDICTING)
def _kernel_that_is_a_partial(marker: Path) -> bytes:
    pipeline = fitted("SVR")
    bound = (_scorer("to_csv"), _frame_to_ask())
    pipeline.steps[1][1].kernel = a.call(a.name("functools", "partial"), *bound)
    return a.dumps(pipeline)


@hostile(PREDICTING)
def _columns_chosen_by_a_partial(marker: Path) -> bytes:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import StandardScaler

    from tests.hostile_file import numbers

    made = ColumnTransformer([("s", StandardScaler(), [0, 1])]).fit(numbers())
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    partial = a.call(a.name("functools", "partial"), *bound)
    made.transformers = [("s", StandardScaler(), partial)]
    made._columns = [partial]
    pipeline = fitted("Ridge")
    return a.dumps(Pipeline([("c", made), *pipeline.steps]))


@hostile(PREDICTING, rows="texts")
def _analyser_of_texts_that_is_a_partial(marker: Path) -> bytes:
    bound = (_scorer("to_csv"), _frame_to_ask(), str(marker))
    return _with_texts(analyzer=a.call(a.name("functools", "partial"), *bound))


@hostile(PREDICTING, rows="texts")
def _tokenizer_of_texts_that_is_a_class(marker: Path) -> bytes:
    return _with_texts(tokenizer=a.name("xgboost.core", "Booster"))


@hostile(PREDICTING, rows="texts")
def _preprocessor_of_texts_that_is_a_metric(marker: Path) -> bytes:
    return _with_texts(preprocessor=a.name("sklearn.metrics._regression", "max_error"))


# Point 3: files are written at predicting


def _path_for_a_function(marker: Path) -> a.Code:
    check = a.name("sklearn.utils.validation", "check_array")
    partial = a.call(a.name("functools", "partial"), check)
    keywords = {"dtype": None, "ensure_2d": False, "ensure_min_samples": 0}
    return a.build(partial, (check, (str(marker),), keywords, None))


def _stacked(marker: Path, method: Any, member: Any) -> bytes:
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import Ridge

    from tests.hostile_file import numbers, target

    stacking = StackingRegressor([("r", Ridge())]).fit(numbers(), target())
    stacking.estimators_ = [member]
    stacking.stack_method_ = [method]
    first = behind(_path_for_a_function(marker)).steps[0]
    return a.dumps(Pipeline([first, ("s", stacking)]))


@hostile(WRITING)
def _stacking_that_saves_a_booster(marker: Path) -> bytes:
    member = booster("lightgbm").booster_
    return _stacked(marker, "save_model", member)


@hostile(WRITING)
def _stacking_that_saves_xgboost(marker: Path) -> bytes:
    return _stacked(marker, "save_model", booster("xgboost").get_booster())


@hostile(WRITING)
def _stacking_that_saves_catboost(marker: Path) -> bytes:
    return _stacked(marker, "save_model", booster("catboost"))


@hostile(WRITING)
def _stacking_that_fits(marker: Path) -> bytes:
    from sklearn.linear_model import Ridge

    return _stacked(marker, "fit", Ridge())


@hostile(WRITING)
def _stacking_that_reaches_a_dunder(marker: Path) -> bytes:
    from sklearn.linear_model import Ridge

    return _stacked(marker, "__init__", Ridge())


@hostile(WRITING)
def _threshold_that_asks_for_another_method(marker: Path) -> bytes:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import FixedThresholdClassifier

    from tests.hostile_file import numbers, target

    aim = target() > target().mean()
    made = FixedThresholdClassifier(LogisticRegression()).fit(numbers(), aim)
    made.response_method = "fit"
    made._response_method = "fit"
    return a.dumps(made)


@hostile(WRITING)
def _catboost_that_writes_its_training(marker: Path) -> bytes:
    made = booster("catboost")
    parameters = {"allow_writing_files": True, "train_dir": str(marker)}
    made._init_params.update(parameters)
    return a.dumps(made)


@hostile(WRITING)
def _xgboost_that_makes_a_callback(marker: Path) -> bytes:
    made = booster("xgboost")
    made.callbacks = [_scorer("to_csv")]
    made.eval_metric = _scorer("to_csv")
    return a.dumps(made)


@hostile(WRITING)
def _memory_of_a_pipeline_in_a_folder(marker: Path) -> bytes:
    """A Pipeline caches its transformers where `memory` says."""
    pipeline = fitted("Ridge")
    pipeline.memory = str(marker)
    return a.dumps(pipeline)


# Point 6: what stays for the rest of the process


@hostile(LASTING)
def _attribute_of_a_ufunc(marker: Path) -> bytes:
    return a.program(a.build(a.name("numpy", "log1p"), {"__doc__": "", "nin": 2}))


@hostile(LASTING)
def _attribute_of_a_ufunc_by_a_slot_state(marker: Path) -> bytes:
    return a.program(a.build(a.name("numpy", "log1p"), (None, {"__name__": "exp"})))


@hostile(LASTING)
def _attribute_of_a_class(marker: Path) -> bytes:
    kind = a.name("sklearn.linear_model._ridge", "Ridge")
    return a.program(a.build(kind, (None, {"predict": a.name("numpy", "log1p")})))


@hostile(LASTING)
def _attribute_of_a_metric(marker: Path) -> bytes:
    score = a.name("sklearn.metrics._regression", "max_error")
    return a.program(a.build(score, {"__wrapped__": a.name("numpy", "log1p")}))


@hostile(LASTING)
def _state_of_numpys_own_dtype(marker: Path) -> bytes:
    shared = a.call(a.name("numpy", "dtype"), "f8")
    return a.program(a.build(shared, (3, ">", None, None, None, -1, -1, 0)))


@hostile(LASTING)
def _state_of_pandas_missing_value(marker: Path) -> bytes:
    return a.program(a.build(a.name("pandas", "NA"), {"x": 1}))


@hostile(LASTING)
def _items_of_a_shared_scorer(marker: Path) -> bytes:
    shared = a.name("sklearn.metrics._scorer", "_passthrough_scorer")
    return a.program(a.build(shared, {"__defaults__": (1,)}))


# An attribute of an instance takes the place of a method of its class


def _with_attribute(name: str, value: Any, kind: str = "Ridge") -> Any:
    def build(marker: Path) -> bytes:
        pipeline = fitted(kind)
        vars(pipeline.steps[1][1])[name] = value
        return a.dumps(pipeline)

    return build


ARRAY_INTERFACE = {
    "version": 3,
    "shape": (3,),
    "typestr": "<f8",
    "data": (4096, False),
    "strides": None,
}

for _name, _value in {
    "predict": a.name("numpy", "log1p"),
    "fit": a.name("numpy", "log1p"),
    "get_params": a.name("builtins", "dict"),
    "set_params": a.name("builtins", "dict"),
    "__sklearn_tags__": _tags_of_a_regressor(),
    "__sklearn_is_fitted__": a.name("builtins", "bool"),
    "__class__": a.name("sklearn.pipeline", "Pipeline"),
    "__dict__": {"coef_": 1},
    "__reduce__": a.name("builtins", "str"),
    "__array__": a.name("numpy", "asarray"),
    "__array_interface__": ARRAY_INTERFACE,
    "__array_ufunc__": a.name("numpy", "log1p"),
    "__dataframe__": a.name("builtins", "dict"),
    "__iter__": a.name("builtins", "iter"),
    "__len__": a.name("builtins", "int"),
    "__setstate__": a.name("builtins", "dict"),
    "_check_n_features": a.name("builtins", "dict"),
    "no such attribute": 1,
}.items():
    add(HIDING, f"attribute {_name}", _with_attribute(_name, _value))


@hostile(HIDING)
def _coefficients_that_have_an_array_interface(marker: Path) -> bytes:
    """Any address of the process is read as numbers."""
    pipeline = fitted("Ridge")
    bunch = a.new(a.name("sklearn.linear_model._ridge", "Ridge"))
    interface = {"__array_interface__": ARRAY_INTERFACE}
    pipeline.steps[1][1].coef_ = a.build(bunch, interface)
    return a.dumps(pipeline)


@hostile(HIDING)
def _mean_that_has_an_array_struct(marker: Path) -> bytes:
    pipeline = fitted("Ridge")
    bunch = a.new(a.name("sklearn.linear_model._ridge", "Ridge"))
    pipeline.steps[0][1].mean_ = a.build(bunch, {"__array_struct__": 4096})
    return a.dumps(pipeline)


@hostile(HIDING)
def _array_called_with_an_array_interface(marker: Path) -> bytes:
    bunch = a.new(a.name("sklearn.linear_model._ridge", "Ridge"))
    made = a.build(bunch, {"__array_interface__": ARRAY_INTERFACE})
    return a.program(a.call(a.name("numpy", "array"), made))


@hostile(HIDING)
def _steps_that_are_a_callable(marker: Path) -> bytes:
    pipeline = fitted("Ridge")
    pipeline.steps = a.name("numpy", "log1p")
    return a.dumps(pipeline)


# States that never end


@hostile(ENDLESS_STATE)
def _pipeline_that_is_its_own_step(marker: Path) -> bytes:
    pipeline = fitted("Ridge")
    pipeline.steps.append(("again", pipeline))
    return a.dumps(pipeline)


@hostile(ENDLESS_STATE)
def _vote_of_itself(marker: Path) -> bytes:
    from sklearn.ensemble import VotingRegressor
    from sklearn.linear_model import Ridge

    from tests.hostile_file import numbers, target

    vote = VotingRegressor([("r", Ridge())]).fit(numbers(), target())
    vote.estimators_ = [vote]
    return a.dumps(vote)


@hostile(ENDLESS_STATE)
def _bagging_of_a_million_million(marker: Path) -> bytes:
    pipeline = fitted("BaggingRegressor", n_estimators=2)
    many = a.call(a.name("builtins", "range"), 10**12)
    pipeline.steps[1][1].estimators_ = many
    pipeline.steps[1][1].estimators_features_ = many
    return a.dumps(pipeline)


@hostile(ENDLESS_STATE)
def _imputer_of_a_thousand_million_rounds(marker: Path) -> bytes:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    from tests.hostile_file import numbers

    imputer = IterativeImputer(max_iter=2).fit(numbers())
    imputer.n_iter_ = 10**9
    return a.dumps(Pipeline([("i", imputer), *fitted("Ridge").steps]))


@hostile(ENDLESS_STATE)
def _polynomial_of_a_huge_degree(marker: Path) -> bytes:
    from sklearn.preprocessing import PolynomialFeatures

    from tests.hostile_file import numbers

    powers = PolynomialFeatures(2).fit(numbers())
    powers.degree = powers._max_degree = 10**9
    return a.dumps(Pipeline([("p", powers), *fitted("Ridge").steps]))


@hostile(ENDLESS_STATE)
def _jobs_without_number(marker: Path) -> bytes:
    pipeline = fitted("RandomForestRegressor", n_estimators=2)
    pipeline.steps[1][1].n_jobs = 10**6
    return a.dumps(pipeline)


@hostile(ENDLESS_STATE)
def _power_of_objects(marker: Path) -> bytes:
    """Python's numbers grow without end: an hour for one of them."""
    power = a.name("numpy", "power")
    base = a.call(a.name("numpy", "array"), 10**30)
    return a.program(a.call(power, base, 10**10))


@hostile(ENDLESS_STATE)
def _power_of_objects_in_a_function(marker: Path) -> bytes:
    return a.dumps(behind(a.name("numpy", "power"), kw_args={"x2": 10**40}))


def _with_texts(**attributes: Any) -> bytes:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    from tests.hostile_file import target

    words = ColumnTransformer([("w", CountVectorizer(), WORDS)])
    made = make_pipeline(words, Ridge()).fit(texts(), target())
    vars(made[0].named_transformers_["w"]).update(attributes)
    return a.dumps(made)


@hostile(ENDLESS_STATE, rows="texts")
def _token_pattern_that_never_ends(marker: Path) -> bytes:
    return _with_texts(token_pattern=r"(?:a+)+$")


@hostile(ENDLESS_STATE, rows="texts")
def _token_pattern_that_is_too_large(marker: Path) -> bytes:
    return _with_texts(token_pattern="(?:(?:a{1000}){1000}){1000}")


@hostile(ENDLESS_STATE, rows="texts")
def _words_of_every_length(marker: Path) -> bytes:
    return _with_texts(ngram_range=(1, 10**12), analyzer="char")


@hostile(ENDLESS_STATE, rows="texts")
def _vocabulary_of_far_columns(marker: Path) -> bytes:
    return _with_texts(vocabulary_={"garden": 2**31 - 1, "station": -5})


@hostile(ENDLESS_STATE, rows="texts")
def _hash_of_two_thousand_million_columns(marker: Path) -> bytes:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    from tests.hostile_file import target

    words = ColumnTransformer([("w", HashingVectorizer(n_features=8), WORDS)])
    made = make_pipeline(words, Ridge()).fit(texts(), target())
    made[0].named_transformers_["w"].n_features = 2**31 - 1
    return a.dumps(made)


# Files are read


@hostile(READING, rows="texts")
def _words_that_are_names_of_files(marker: Path) -> bytes:
    return _with_texts(input="filename")


@hostile(READING, rows="texts")
def _words_that_are_open_files(marker: Path) -> bytes:
    return _with_texts(input="file")


@hostile(READING, rows="texts")
def _words_in_an_encoding_that_is_imported(marker: Path) -> bytes:
    return _with_texts(encoding="antigravity", input="content")


@hostile(READING)
def _xgboost_that_reads_its_data(marker: Path) -> bytes:
    made = booster("xgboost")
    made._Booster = str(marker)
    return a.dumps(made)
