"""Widens what was seen in an attribute to the family of values that it belongs to.

The table has what some fits left behind. Others leave another constant where there was
one, numbers of more or fewer dimensions, labels of another type. None of that can be
called, and what scikit-learn cannot use it refuses itself; the few attributes by which
compiled code reads keep their dimensions (`convert.saved.bounds`).
"""

import re

from convert.saved.kinds import MAPPINGS, PLAIN, Kinds, is_plain, merge, parse

MAX_DIMENSIONS = 3

CONSTANTS = parse("bool|float|int|none|str|datetime|NA")
NUMBERS = parse("bool|float|int|none")
ONE_OR_EACH = parse("array:number0|array:number1|list[bool|float|int|none]")
"""Instead of one number there may be one for each output or feature."""
LABELS = parse(
    "|".join(f"array:{f}{n}" for f in ("number", "text", "date") for n in (1, 2))
)
OF_SEVERAL: Kinds = {"list": (LABELS,)}
"""One array of labels for each output."""
SPARSE = parse("sparse:csr")

SEVERAL_SCORERS = parse("dict[str;scorer]")

OF_LABELS = r"_?classes_?|categories_?|_?labels?_?|.*_categories_?|_?y_?|_infrequent.*"
"""Attributes whose values are people's own labels."""
OF_COEFFICIENTS = r"_?coefs?_"
"""What a linear model keeps sparse when it is told to."""


def widened(name: str, union: Kinds, *, is_indexed: bool) -> Kinds:
    """Return what an attribute may be, from what it was seen to be.

    Parameters
    ----------
    name
        Of the attribute.
    is_indexed
        Whether compiled code reads where such a class says.
    """
    if set(union) == {"none"}:  # never seen set
        return {**union, "plain": ()}
    wide = _within(union, is_indexed)
    if re.fullmatch(OF_LABELS, name):
        wide = _of_labels(wide)
    if re.fullmatch(OF_COEFFICIENTS, name) and "array:number2" in wide:
        wide = merge(wide, SPARSE)
    return wide


def widened_parameter(union: Kinds) -> Kinds:
    """Return what a parameter may be: any constant, in what was seen to hold some too."""
    several = SEVERAL_SCORERS if "scorer" in union else {}
    return _with_constants(merge(union, several))


def _with_constants(union: Kinds) -> Kinds:
    wide = {kind: tuple(map(_with_constants, parts)) for kind, parts in union.items()}
    return {**wide, "plain": ()}


def _within(union: Kinds, is_indexed: bool) -> Kinds:
    wide: Kinds = {}
    for kind, parts in union.items():
        wide = merge(wide, {kind: tuple(_of_part(part, is_indexed) for part in parts)})
        if not is_indexed:
            wide = merge(wide, _family(kind, wide[kind]))
    if {"bool", "int", "float"} & set(union):
        wide = merge(wide, NUMBERS if is_indexed else merge(NUMBERS, ONE_OR_EACH))
    return merge(wide, CONSTANTS) if {"str", "none", "plain"} & set(union) else wide


def _of_part(union: Kinds, is_indexed: bool) -> Kinds:
    """Widen what is in a container; of an empty one nothing is known."""
    return _within(union, is_indexed) if union else {"plain": ()}


def _family(kind: str, parts: tuple[Kinds, ...]) -> Kinds:
    """Return the same values in other numbers of dimensions, numbers as one too."""
    match = re.fullmatch(r"(array:(?:number|complex|text|date|objects))\d", kind)
    if not match:
        return {}
    several: Kinds = {f"{match[1]}{n}": parts for n in range(MAX_DIMENSIONS + 1)}
    return merge(several, NUMBERS) if "number" in kind else several


def _of_labels(union: Kinds) -> Kinds:
    """Let labels be constants of any kind, wherever there were some."""
    wide: Kinds = {}
    for kind, parts in union.items():
        if kind in PLAIN and kind != "none":
            wide = merge(wide, CONSTANTS)
        if kind.startswith("array:") and is_plain(kind, parts):
            wide = merge(merge(wide, LABELS), OF_SEVERAL)
        inside = parts if kind in MAPPINGS else tuple(map(_of_labels, parts))
        wide = merge(wide, {kind: inside})
    return wide
