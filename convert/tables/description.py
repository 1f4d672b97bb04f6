"""Reads what a person says about a model: titles, units, hard bounds.

A TOML file beside the model. It decorates the table's columns and cannot add
one::

    title = "Mathematics score"

    [target]
    unit = "points"
    minimum = 0
    maximum = 100

    [features."reading_score"]
    unit = "points"
    minimum = 0
    maximum = 100
"""

import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import pandas as pd

from convert.errors import Invalid, suggest
from convert.inputs import check_input
from convert.tables.table import Table, first

Said = TypeVar("Said", bound=msgspec.Struct)


class FeatureDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Of one column; the fields mean what they mean in `server.signature.Feature`."""

    kind: Literal["integer", "category"] | None = None
    title: str = ""
    unit: str = ""
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None


class TargetDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Of the only target; the fields mean what they mean in `server.signature.Target`."""

    title: str = ""
    unit: str = ""
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None


Bounded = TypeVar("Bounded", FeatureDescription, TargetDescription)


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """Of a model; `name` is the one in URLs and the file's name without ending."""

    name: str = ""
    title: str = ""
    description: str = ""
    target: TargetDescription = TargetDescription()
    features: dict[str, FeatureDescription] = {}

    def columns_of_kind(self, kind: str) -> list[str]:
        return [name for name, said in self.features.items() if said.kind == kind]

    def feature(self, name: str) -> FeatureDescription:
        return self.features.get(name, FeatureDescription())


def find_description(path: Path | None, output: Path) -> Description:
    """Read what is said about an output, at `path` or beside it; it has a name at least.

    Raises
    ------
    Refusal
        As for `read_description`.
    """
    found = path or description_beside(output)
    if found is None:
        return Description(name=output.stem)
    description = read_description(found)
    return msgspec.structs.replace(description, name=description.name or output.stem)


def description_beside(output: Path) -> Path | None:
    beside = output.with_suffix(".toml")
    return beside if beside.exists() else None


def read_description(path: Path) -> Description:
    """Read and check a description.

    Raises
    ------
    Invalid
        It is not TOML, or holds a key or a value that means nothing here.
    Unreadable
        There is nothing of that name, or a folder, or a web page.
    """
    content = _parse(path)
    features = content.pop("features", {})
    if not isinstance(features, dict):
        raise Invalid(f"{path}: features is not a table; write [features.COLUMN]")
    target = content.pop("target", {})
    return msgspec.structs.replace(
        _convert(content, Description, str(path)),
        target=_bounded(target, TargetDescription, f"[target] of {path}"),
        features={
            name: _bounded(said, FeatureDescription, f"[features.{name!r}] of {path}")
            for name, said in features.items()
        },
    )


def check_names(description: Description, columns: Iterable[str]) -> None:
    """Refuse a description that names something else than these columns."""
    _refuse_others(description.features, columns, "the description", "column")


def check_description(description: Description, table: Table, target: str) -> None:
    """Refuse a description that does not fit the table.

    Raises
    ------
    Refusal
        It names a column that is no feature, or bounds or a kind that the
        values of a column or of the target do not keep.
    """
    features = [name for name in map(str, table.frame) if name != target]
    check_names(description, [*features, *table.dropped])
    for name in features:
        _check_feature(name, description.feature(name), table)
    _check_bounds(target, description.target, table)


def _check_feature(name: str, said: FeatureDescription, table: Table) -> None:
    column = table.frame[name]
    has_bounds = said.minimum is not None or said.maximum is not None
    if said.kind == "category" or not pd.api.types.is_numeric_dtype(column):
        if has_bounds or said.kind == "integer":
            raise Invalid(
                f"{name!r} is described with bounds or as an integer, and its values "
                "are categories: remove that from the description"
            )
        return
    if said.kind == "integer":
        is_fraction = column.notna() & (column % 1 != 0)
        _refuse_where(is_fraction, table, "and described as an integer")
    _check_bounds(name, said, table)


def _check_bounds(
    name: str, said: FeatureDescription | TargetDescription, table: Table
) -> None:
    column = table.frame[name]
    if said.minimum is not None:
        below = f"below the minimum of {said.minimum:g} in the description"
        _refuse_where(column < said.minimum, table, below)
    if said.maximum is not None:
        above = f"above the maximum of {said.maximum:g} in the description"
        _refuse_where(column > said.maximum, table, above)


def _refuse_where(is_wrong: pd.Series, table: Table, reason: str) -> None:
    if is_wrong.any():
        row, name = first(is_wrong), str(is_wrong.name)
        raise Invalid(
            f"{name!r} is {table.frame[name][row]} on {table.place(row)}, {reason}: "
            "correct the table or the description"
        )


def _parse(path: Path) -> dict[str, Any]:
    check_input(path)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}") from None


def _convert(table: object, struct: type[Said], where: str) -> Said:
    if isinstance(table, dict):
        _refuse_others(table, struct.__struct_fields__, where, "key")
    try:
        return msgspec.convert(table, struct)
    except msgspec.ValidationError as error:
        raise Invalid(f"{where} is wrong: {error}") from None


def _bounded(table: object, struct: type[Bounded], where: str) -> Bounded:
    """Convert what has bounds, and refuse bounds between which there is nothing.

    Raises
    ------
    Invalid
        If a key or a value means nothing here, a bound is not finite, or the minimum is
        not below the maximum.
    """
    said = _convert(table, struct, where)
    low, high = said.minimum, said.maximum
    for name, bound in (("minimum", low), ("maximum", high)):
        if bound is not None and not math.isfinite(bound):
            raise Invalid(
                f"{where} is wrong: the {name} is {bound}, not a finite number"
            )
    if low is not None and high is not None and low >= high:
        raise Invalid(
            f"{where} is wrong: the minimum of {low:g} is not below the maximum of "
            f"{high:g}"
        )
    return said


def _refuse_others(
    found: Mapping[str, Any], known: Iterable[str], where: str, word: str
) -> None:
    names = list(known)
    for name in found:
        if name not in names:
            remedy = suggest(name, names)
            raise Invalid(f"{where} names an unknown {word} {name!r}: {remedy}")
