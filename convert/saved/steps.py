"""Checks the named parts of what is made of several estimators: pairs of a name and one.

scikit-learn unpacks them wherever it meets them, and checks them only while fitting.
"""

from collections.abc import Callable
from typing import Any

from convert.errors import Unreadable

WORDS = (None, "passthrough", "drop")
"""What may stand where a step would."""

PAIRS = {
    "Pipeline": ("steps",),
    "FeatureUnion": ("transformer_list",),
    "_BaseHeterogeneousEnsemble": ("estimators",),
}
TRIPLES = {"ColumnTransformer": ("transformers", "transformers_", "_transformers")}
"""Class, or what it is made from → attributes with a list of name, step and columns."""


def check_steps(estimator: Any) -> None:
    """Refuse an estimator whose steps are none.

    Raises
    ------
    Refusal
        Says what; the caller knows where.
    """
    for cls in type(estimator).__mro__:
        if cls.__module__.startswith("sklearn."):
            _check(estimator, PAIRS.get(cls.__name__, ()), _is_pair)
            _check(estimator, TRIPLES.get(cls.__name__, ()), _is_triple)


def _check(
    estimator: Any, names: tuple[str, ...], is_sound: Callable[[Any], bool]
) -> None:
    for name in names:
        steps = vars(estimator).get(name, [])
        if not isinstance(steps, list | tuple) or not all(map(is_sound, steps)):
            raise Unreadable(
                f"has {name} that are not pairs of a name and an estimator"
            )


def _is_pair(step: Any) -> bool:
    return isinstance(step, list | tuple) and len(step) == 2 and _is_step(*step)


def _is_triple(step: Any) -> bool:
    return isinstance(step, list | tuple) and len(step) == 3 and _is_step(*step[:2])


def _is_step(name: Any, step: Any) -> bool:
    is_word = any(step is word or _is_text(step, word) for word in WORDS)
    return isinstance(name, str) and (is_word or hasattr(type(step), "fit"))


def _is_text(step: Any, word: str | None) -> bool:
    return isinstance(step, str) and step == word
