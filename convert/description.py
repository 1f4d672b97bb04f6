"""Reads what a person says about a model: titles, units, hard bounds.

A TOML file beside the model. It decorates the table's columns and cannot add
one::

    title = "Mathematics score"

    [target]
    unit = "points"

    [features."reading_score"]
    unit = "points"
    minimum = 0
    maximum = 100
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from convert.refusal import Refusal


class FeatureDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Of one column; the fields mean what they mean in `server.signature.Feature`."""

    kind: Literal["integer", "category"] | None = None
    title: str = ""
    unit: str = ""
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None


class TargetDescription(msgspec.Struct, frozen=True, kw_only=True):
    title: str = ""
    unit: str = ""
    description: str = ""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """Of a model; `name` is the one in URLs and the file's name without ending."""

    name: str = ""
    title: str = ""
    description: str = ""
    target: TargetDescription = TargetDescription()
    features: dict[str, FeatureDescription] = {}

    def feature(self, name: str) -> FeatureDescription:
        return self.features.get(name, FeatureDescription())


def read_description(path: Path) -> Description:
    """Read and check a description.

    Raises
    ------
    Refusal
        It is not TOML, or holds a key or a value that means nothing here.
    """
    content = _parse(path)
    _refuse_unknown(content, Description, str(path))
    _refuse_unknown(content.get("target"), TargetDescription, f"[target] of {path}")
    features = content.get("features")
    if isinstance(features, dict):
        for name, feature in features.items():
            where = f"[features.{name!r}] of {path}"
            _refuse_unknown(feature, FeatureDescription, where)
    try:
        return msgspec.convert(content, Description)
    except msgspec.ValidationError as error:
        raise Refusal(f"{path} is not a description: {error}") from None


def check_features(
    description: Description, columns: Iterable[str], path: Path
) -> None:
    """Refuse a description of a column that the table does not have."""
    _refuse_others(description.features, columns, f"[features] of {path}", "column")


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not UTF-8: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{path} is not TOML: {error}") from None


def _refuse_unknown(table: object, struct: type[msgspec.Struct], where: str) -> None:
    if isinstance(table, Mapping):
        _refuse_others(table, struct.__struct_fields__, where, "key")


def _refuse_others(
    found: Mapping[str, Any], known: Iterable[str], where: str, word: str
) -> None:
    names = list(known)
    for name in found:
        if name not in names:
            guesses = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            remedy = f"did you mean {guesses[0]!r}?" if guesses else f"known: {names}"
            raise Refusal(f"{where} names an unknown {word} {name!r}: {remedy}")
