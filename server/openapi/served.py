"""What is served, as far as it is described: models, and the one that is meant."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from server.endpoint import Endpoint
from server.openapi.operation import Schema, in_path
from server.settings import Settings
from server.signature import Feature, Signature, Value, is_boolean, is_text


class Served(NamedTuple):
    """The models, and how they are served.

    Parameters
    ----------
    endpoints
        By model name, at least one.
    default
        The name that counts where a request has none.
    """

    endpoints: Mapping[str, Endpoint]
    default: str | None
    settings: Settings

    @property
    def names(self) -> Sequence[str]:
        """Names of the models, the one that examples are of before others."""
        names = list(self.endpoints)
        first = self.default or names[0]
        return [first, *(name for name in names if name != first)]

    @property
    def signatures(self) -> Sequence[Signature]:
        return [self.endpoints[name].model.signature for name in self.names]

    @property
    def model(self) -> Schema:
        """The parameter of a path that names a model."""
        return in_path("name", self.names, "Of a model.")

    @property
    def version(self) -> Schema:
        versions = list(dict.fromkeys(each.version for each in self.signatures))
        return in_path("version", versions, "Of the model, which its graph makes.")


def golden_rows(signature: Signature) -> Sequence[Mapping[str, Value | None]]:
    """Return one or two of the model's golden rows, or a row of typical values."""
    features = signature.features
    if not signature.golden_rows:
        return [{each.name: each.typical for each in features}]
    first, *others = signature.golden_rows
    different = [each for each in others if each.predictions != first.predictions]
    return [
        {each.name: golden.row.get(each.name) for each in features}
        for golden in [first, *different[:1]]
    ]


def wrong_row(signature: Signature) -> dict[str, Any]:
    """Return a row that breaks the signature in two places."""
    first, *_ = signature.features
    row = dict(golden_rows(signature)[0])
    return {**row, first.name: _wrong(first), "shoe_size": 42}


def _wrong(feature: Feature) -> Any:
    return 42 if is_text(feature) and not is_boolean(feature) else "forty-two"
