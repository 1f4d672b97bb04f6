"""What a fitted pipeline is made of: steps, members, the names that it was fitted on."""

from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion, Pipeline

from convert.fitted.own import is_sampler, is_vectorizer, passes, unwrap

Steps = list[tuple[str, Any]]


def names_of(transformer: Any) -> list[str] | None:
    """Return the columns of the frame that was fitted on; None for an array."""
    names = getattr(unwrap(transformer), "feature_names_in_", None)
    if names is not None:
        return list(names)
    inner = [step for _, step in inner_steps(transformer)]
    return names_of(inner[0]) if inner else None


def reads_texts(transformer: Any) -> bool:
    inner = [step for _, step in inner_steps(transformer)]
    return is_vectorizer(unwrap(transformer)) or any(map(reads_texts, inner[:1]))


def inner_steps(transformer: Any) -> list[tuple[str, Any]]:
    """Return the named parts of a pipeline or union that do something."""
    transformer = unwrap(transformer)
    if isinstance(transformer, Pipeline):
        return [
            (name, step)
            for name, step in transformer.steps
            if not passes(step) and not is_sampler(step)
        ]
    if isinstance(transformer, FeatureUnion):
        return [item for item in transformer.transformer_list if item[1] != "drop"]
    return []


def split(pipeline: Any) -> tuple[Steps, Any]:
    """Return the steps before the estimator, those of inner pipelines too, and it."""
    pipeline = unwrap(pipeline)
    if not isinstance(pipeline, Pipeline):
        return [], pipeline
    *steps, (name, last) = pipeline.steps
    inner, estimator = split(last)
    before = inner_steps(Pipeline(steps)) if steps else []
    return before + [(f"{name} / {step}", each) for step, each in inner], estimator


def fitted_names(pipeline: Any) -> list[str] | None:
    """Return the columns of the frame that was fitted on; None for an array."""
    steps, estimator = split(pipeline)
    names = names_of(Pipeline(steps) if steps else estimator)
    if names is None and not steps:
        names = getattr(estimator, "feature_names_", None)  # CatBoost
        members = members_of(estimator)
        if members:
            return fitted_names(members[0])
    if names is None or _are_made_up(names):
        return None
    return list(names)


def _are_made_up(names: Sequence[str]) -> bool:
    """Tell the names that LightGBM and CatBoost give to the columns of an array."""
    positions = range(len(names))
    return list(names) in (
        [f"Column_{position}" for position in positions],
        [str(position) for position in positions],
    )


def members_of(estimator: Any) -> list[Any]:
    """Return the pipelines that a vote, a stack or a calibration holds, if it does."""
    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    if calibrated is not None:
        members = [calibrated_member(each) for each in calibrated]
    elif holds_one(estimator):
        members = [estimator.estimator_]
    else:
        members = list(getattr(estimator, "estimators_", []))
    are_pipelines = any(isinstance(unwrap(each), Pipeline) for each in members)
    return members if are_pipelines else []


def holds_one(estimator: Any) -> bool:
    """Whether it is a threshold, or the like, around one fitted classifier.

    A boosting has a template of that name beside its members; a recursive elimination
    gives its estimator some of the columns only.
    """
    is_other = hasattr(estimator, "estimators_") or hasattr(estimator, "support_")
    return hasattr(estimator, "estimator_") and not is_other


def calibrated_member(calibrated: Any) -> Any:
    """Return the classifier under a calibration; before 1.2 it had another name."""
    if hasattr(calibrated, "estimator"):
        return calibrated.estimator
    return calibrated.base_estimator


def fitted_columns(estimator: Any) -> int | None:
    """Return how many columns an estimator was fitted on; None where it does not say.

    CatBoost's own count is 0 once it was saved and loaded; its names survive.
    """
    count: int | None = getattr(estimator, "n_features_in_", None)
    return count or len(getattr(estimator, "feature_names_", ())) or None
