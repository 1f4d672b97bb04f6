"""The rule that chooses: the smallest model within one standard error of the best."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

SAME_SIZE = 0.01
"""Files that differ by less than this share count as equally small: what differs are
the digits of self-test rows."""

STANDARD_ERROR = (
    "One standard error is how far a mean over the folds moves by chance alone."
)


class Contestant(NamedTuple):
    """What the rule looks at.

    Parameters
    ----------
    score, standard_error
        R², the higher the better, over the folds.
    n_bytes
        Of the ONNX file.
    n_parameters
        How many parameters were tuned: of two equally small models the one
        with fewer is simpler. Then the order of the contestants decides.
    """

    name: str
    title: str
    score: float
    standard_error: float
    n_bytes: int
    n_parameters: int


class Choice(msgspec.Struct, frozen=True):
    """Who was chosen, and why.

    Parameters
    ----------
    best
        The one with the highest score.
    threshold
        The score of the best less its standard error.
    within
        Those that reach the threshold, in the order of the contestants.
    """

    name: str
    best: str
    threshold: float
    within: tuple[str, ...]
    sentence: str


def choose(contestants: Sequence[Contestant]) -> Choice:
    """Return the choice among at least one contestant."""
    best = max(contestants, key=lambda contestant: contestant.score)
    threshold = best.score - best.standard_error
    within = [one for one in contestants if one.score >= threshold]
    smallest = min(one.n_bytes for one in within)
    tied = [one for one in within if one.n_bytes <= smallest * (1 + SAME_SIZE)]
    chosen = min(tied, key=lambda one: one.n_parameters)
    return Choice(
        name=chosen.name,
        best=best.name,
        threshold=threshold,
        within=tuple(one.name for one in within),
        sentence=f"{_sentence(chosen, best, threshold, within, tied)} {STANDARD_ERROR}",
    )


def _sentence(
    chosen: Contestant,
    best: Contestant,
    threshold: float,
    within: Sequence[Contestant],
    tied: Sequence[Contestant],
) -> str:
    name = chosen.title[:1].upper() + chosen.title[1:]
    size = f"{chosen.n_bytes:,} bytes as ONNX"
    best_score = f"{best.score:.4f} ± {best.standard_error:.4f}"
    if len(within) == 1:
        return (
            f"{name} is chosen: its R² of {best_score} is the best, and no other "
            f"regressor reaches {threshold:.4f}, one standard error less ({size})."
        )
    place = (
        f"its R² of {best_score} is the best"
        if chosen is best
        else f"its R² of {chosen.score:.4f} is within one standard error of the best "
        f"({best.title}, {best_score})"
    )
    reach = f"of the {len(within)} regressors that reach {threshold:.4f}"
    if len(tied) == 1:
        return f"{name} is chosen: {place}, and {reach} it is the smallest ({size})."
    return (
        f"{name} is chosen: {place}, and {reach} none is smaller by more than "
        f"{SAME_SIZE:.0%} ({size}) or simpler ({_n_parameters(chosen)} to tune)."
    )


def _n_parameters(one: Contestant) -> str:
    match one.n_parameters:
        case 0:
            return "nothing"
        case 1:
            return "1 parameter"
    return f"{one.n_parameters} parameters"
