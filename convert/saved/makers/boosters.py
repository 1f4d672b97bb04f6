"""Hands what the boosters wrote to the libraries that read it.

XGBoost and LightGBM read their own bytes, and behind a wall: they may crash on others'.
Here is seen to it that it is bytes, or text, and that no pointer is in the state.
"""

from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.written import Made

CONSTANTS = (type(None), bool, int, float, str, bytes)
POINTERS = {"handle", "_handle", "train_set", "valid_sets", "_train_data"}


def xgboost_booster(made: Made) -> Any:
    from xgboost.core import Booster

    match made:
        case Made(
            arguments=(), states=[{"handle": bytearray() | bytes() as held, **rest}]
        ):
            state = {"handle": bytearray(held), **_checked(rest, Booster)}
        case _:
            raise _unlike("XGBoost")
    booster = Booster.__new__(Booster)
    booster.__setstate__(state)
    return booster


def lightgbm_booster(made: Made) -> Any:
    from lightgbm.basic import Booster

    match made:
        case Made(arguments=(), states=[{"_handle": str() as text, **rest}]):
            state = {"_handle": text, **_checked(rest, Booster)}
        case Made(arguments=(), states=[{"handle": str() as text, **rest}]):
            state = {"handle": text, **_checked(rest, Booster)}
        case _:
            raise _unlike("LightGBM")
    booster = Booster.__new__(Booster)
    booster.__setstate__(state)
    return booster


def _checked(rest: dict[Any, Any], booster: type) -> dict[str, Any]:
    """Return the rest of a state, if it is constants that hide nothing of the class.

    Raises
    ------
    Unreadable
        If a name in it is no text, is one of `POINTERS` or one of the class, or a value
        is no constant.
    """
    for name, value in rest.items():
        if not isinstance(name, str) or name in POINTERS or hasattr(booster, name):
            raise Unreadable(f"is a booster with {ascii(name)[:40]} in its state")
        if not _is_plain(value):
            raise Unreadable(f"is a booster whose {name} is a {type(value).__name__}")
    return rest


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(part) for item in value.items() for part in item)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, CONSTANTS) or type(value).__module__ == "numpy"


def _unlike(library: str) -> Refusal:
    return Unreadable(f"is not written as {library} writes a booster")
