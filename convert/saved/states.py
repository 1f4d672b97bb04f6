"""What the state of each known class may hold; whatever else a file says is refused.

`states.txt` lists the classes, their attributes and the kinds of each, as scikit-learn
and the boosters themselves leave them after fitting, from scikit-learn 1.0 on. It is
written by ``python -m tests.saved_states``. A name with "=" is a parameter of the
constructor: scikit-learn takes any plain constant there, so only other kinds stand
behind it. What chooses a method, a file or a length is closed further by `RULES`.
"""

import functools
import importlib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from convert.errors import Unreadable, listed
from convert.saved.kinds import (
    Kinds,
    is_within,
    kinds_in,
    merge,
    parse,
    spelled,
    without_plain,
)
from convert.saved.rules import rules_of
from convert.saved.scan import BOOSTERS
from convert.saved.wider import widened, widened_parameter

TABLE = Path(__file__).with_name("states.txt")

MANGLED = {"__model"}
"""CatBoost writes its model under this name; no other state has one like it."""

GENERAL = {
    "_metadata_request": "a:sklearn.utils._metadata_requests.MetadataRequest",
    "_sklearn_output_config": "dict[str;str]",
    "_sklearn_version": "str",
    "feature_names_in_": "array:text1",
    "n_features_in_": "int",
}
"""What any estimator may have, whichever of them was seen with it."""

UNSEEN: Kinds = {"plain": ()}
"""What an estimator may have under a name of its own that no fit here has left."""

OF_BOOSTERS: Kinds = {"plain": (), "estimator": (), "random_state": ()}
"""What their versions keep under ever new names, beside parameters of any name."""

METHODS = (FunctionType, property, classmethod, staticmethod, functools.cached_property)


class State(NamedTuple):
    """What is known of a class.

    Parameters
    ----------
    role
        What it is for, as `convert.saved.kinds.role_of` says, or the name of the class.
    parameters
        Names that its constructor has.
    attributes
        The kinds of each attribute, the parameters included.
    """

    role: str
    parameters: frozenset[str]
    attributes: dict[str, Kinds]


def has_class(kind_of_class: tuple[str, str]) -> bool:
    """Whether the table has a class, given as its module and name."""
    return kind_of_class in _lines()


def known_classes() -> list[tuple[str, str]]:
    return list(_lines())


@functools.cache
def state_of(kind_of_class: tuple[str, str]) -> State:
    """Return what the table says of a class; it is an error to ask for an unknown one."""
    role, _ = _lines()[kind_of_class]
    general = {n: parse(k) for n, k in GENERAL.items() if role == "estimator"}
    seen = _seen(kind_of_class)
    allowed = {n.rstrip("="): _allowed(kind_of_class, n, k) for n, k in seen.items()}
    parameters = frozenset(name[:-1] for name in seen if name.endswith("="))
    return State(role, parameters, general | allowed)


def _seen(kind_of_class: tuple[str, str]) -> dict[str, Kinds]:
    """Return the kinds that the table has, by name; a parameter's ends with "="."""
    _, lines = _lines()[kind_of_class]
    return {
        name: functools.reduce(merge, map(parse, kinds), {})
        for name, *kinds in map(str.split, lines)
    }


def _allowed(kind_of_class: tuple[str, str], name: str, seen: Kinds) -> Kinds:
    """Return what an attribute may be, where the table has some kinds of it."""
    functions = _functions()[name.rstrip("=")] if any(map(_is_function, seen)) else {}
    if name.endswith("="):
        return {**widened_parameter(seen), **functions}
    if kind_of_class[0].startswith(tuple(BOOSTERS)) and not without_plain(seen):
        return seen | OF_BOOSTERS  # a parameter that no constructor names
    return widened(name, seen, is_indexed=_is_indexed(kind_of_class)) | functions


def _is_indexed(kind_of_class: tuple[str, str]) -> bool:
    from convert.saved.bounds import (
        CHECKS,  # with numpy, which the names alone do not need
    )

    return any(cls.__name__ in CHECKS for cls in _class(kind_of_class).__mro__)


@functools.cache
def _functions() -> dict[str, Kinds]:
    """Return the functions of each attribute: several classes take the same ones."""
    found: dict[str, Kinds] = {}
    for _, lines in _lines().values():
        for name, *kinds in map(str.split, lines):
            of_one = {k: () for kind in kinds for k in parse(kind) if _is_function(k)}
            found.setdefault(name.rstrip("="), {}).update(of_one)
    return found


def _is_function(kind: str) -> bool:
    return kind.startswith("function:")


@functools.cache
def _lines() -> dict[tuple[str, str], tuple[str, list[str]]]:
    found = {}
    for header, *lines in sections(TABLE.read_text("utf-8")):
        module, name, *role = header.split()
        found[module, name] = ("".join(role) or name, lines)
    return found


def sections(table: str) -> list[list[str]]:
    """Return the lines of each class in a table, its header first."""
    found: list[list[str]] = []
    for line in table.splitlines():
        if line.startswith(" "):
            found[-1].append(line)
        elif not line.startswith("#"):
            found.append([line])
    return found


def check_state(
    kind_of_class: tuple[str, str],
    state: Mapping[str, Any],
    place: str,
    trusted: Collection[str] = (),
) -> None:
    """Refuse a state that scikit-learn itself would not have written for a class.

    Parameters
    ----------
    kind_of_class
        Module and name, as the file has them.
    state
        Its attributes; objects in it are built, and were checked themselves.
    place
        Where it is in the file, such as "pipeline.steps[0][1]".
    trusted
        "module.name" of functions and classes that it may hold beside.

    Raises
    ------
    Unreadable
        It names the attribute, what was found and what was expected.
    """
    module, name = kind_of_class
    if not has_class(kind_of_class):
        raise Unreadable(f"{place} is of {module}.{name}, which is not known")
    known = state_of(kind_of_class)
    extra = {word for each in trusted for word in _kinds_of_trusted(each)}
    for attribute, value in state.items():
        where = f"{place}.{attribute}"
        _check_name(kind_of_class, attribute, place)
        allowed = known.attributes.get(attribute)
        if allowed is None:
            allowed = _others(kind_of_class, attribute, known.role)
        if allowed is None:
            raise Unreadable(
                f"{where} is not what a {name} has: save it again without that attribute"
            )
        found = kinds_in(value)
        if not is_within(found, allowed | dict.fromkeys(extra, ())):
            usual = _usual(kind_of_class, attribute) or allowed
            raise Unreadable(_wrong_kind(where, name, found, usual))
        for rule in rules_of(kind_of_class, attribute):
            if not rule.holds(value):
                raise Unreadable(f"{where} is {_shortened(value)}, and {rule.said}")


def _others(kind_of_class: tuple[str, str], attribute: str, role: str) -> Kinds | None:
    """Return the kinds of an attribute that the table does not have."""
    if kind_of_class[0].split(".")[0] in BOOSTERS:
        return OF_BOOSTERS
    is_free = role == "estimator" and not hasattr(_class(kind_of_class), attribute)
    return UNSEEN if is_free else None


def _check_name(kind_of_class: tuple[str, str], attribute: Any, place: str) -> None:
    """Refuse a name that would replace part of the class itself.

    Raises
    ------
    Unreadable
        If the name is no text, or would change how Python treats the object, or replace
        a method of the class.
    """
    if type(attribute) is not str:
        raise Unreadable(f"{place} has an attribute whose name is no text")
    if attribute.startswith("__") and attribute not in MANGLED:
        raise Unreadable(
            f"{place}.{attribute} would change how Python treats the object"
        )
    if any(attribute in vars(cls) for cls in _hiding(kind_of_class, attribute)):
        raise Unreadable(
            f"{place}.{attribute} would replace a method of {kind_of_class[1]}"
        )


def _hiding(kind_of_class: tuple[str, str], attribute: str) -> Iterator[type]:
    for cls in _class(kind_of_class).__mro__:
        held = vars(cls).get(attribute)
        if isinstance(held, METHODS) or (callable(held) and hasattr(held, "__get__")):
            yield cls


@functools.cache
def _class(kind_of_class: tuple[str, str]) -> type:
    """Return the class, or nothing's class where these versions do not have it."""
    module, name = kind_of_class
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return object
    return found if isinstance(found, type) else object


def _kinds_of_trusted(name: str) -> list[str]:
    return [f"{prefix}:{name}" for prefix in ("a", "class", "function")]


def _usual(kind_of_class: tuple[str, str], attribute: str) -> Kinds:
    """Return the kinds that were seen, which say more than all that are allowed."""
    seen = _seen(kind_of_class)
    if f"{attribute}=" in seen:
        return {**seen[f"{attribute}="], "plain": ()}
    return seen.get(attribute, {})


def _wrong_kind(where: str, name: str, found: Kinds, allowed: Kinds) -> str:
    return (
        f"{where} is {listed(map(_said, spelled(found)), 3)}, where a {name} of its "
        f"library has {listed(map(_said, spelled(allowed)), 4)}: save a pipeline that "
        "was fitted by the library alone"
    )


def _said(kind: str) -> str:
    """Return a kind in words."""
    if kind == "plain":
        return "a plain constant"
    return re.sub(r"\ba:", "", re.sub(r"\b(function|class|partial):", r"\1 ", kind))


def _shortened(value: Any) -> str:
    text = (
        ascii(value) if isinstance(value, str | int | float) else type(value).__name__
    )
    return text if len(text) <= 60 else f"{text[:57]}…"
