"""Makes what Python itself pickles by calling something: slices, ranges and dicts."""

from collections import OrderedDict, defaultdict
from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.written import Made, Name

FACTORIES: dict[str, Any] = {
    "builtins.int": int,
    "builtins.float": float,
    "builtins.list": list,
    "builtins.dict": dict,
    "builtins.set": set,
    "collections.OrderedDict": OrderedDict,
}
"""What a `defaultdict` may call for a key that it has not; LightGBM has the last."""


def slice_of(made: Made) -> slice:
    """Make a slice of positions or of names.

    Raises
    ------
    Unreadable
        If it has not three ends, each a number, a text or None.
    """
    match made.arguments:
        case (_, _, _) as ends if all(map(_is_end, ends)):
            return slice(*ends)
    raise _unlike("a slice")


def _is_end(end: Any) -> bool:
    return end is None or type(end) in (int, str)


def range_of(made: Made) -> range:
    """Make a range of positions.

    Raises
    ------
    Unreadable
        If it has not three numbers, or the step is zero.
    """
    match made.arguments:
        case (int(), int(), int(step)) as ends if step:
            return range(*ends)
    raise _unlike("a range")


def ordered_dict(made: Made) -> OrderedDict[Any, Any]:
    """Make an OrderedDict of the pairs that are set in it.

    Raises
    ------
    Unreadable
        If it is made with arguments.
    """
    if made.arguments:
        raise _unlike("an OrderedDict")
    return OrderedDict(made.pairs)


def default_dict(made: Made) -> defaultdict[Any, Any]:
    """Make a defaultdict whose factory is a plain container or number.

    Raises
    ------
    Unreadable
        If the factory is not in `FACTORIES`, or there are more arguments.
    """
    match made.arguments:
        case () | (None,):
            return defaultdict(None, made.pairs)
        case (Name() as name,) if str(name) in FACTORIES:
            return defaultdict(FACTORIES[str(name)], made.pairs)
    raise _unlike("a defaultdict")


def _unlike(what: str) -> Refusal:
    return Unreadable(f"is not written as Python writes {what}")
