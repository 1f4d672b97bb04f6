"""What is told of the models, whoever carries it: documents, and which model is meant."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import msgspec

from server.problems import PROBLEMS, NoDefaultModel, UnknownModel
from server.signature import Signature


class Documents:
    """The documents of the models that are served.

    Parameters
    ----------
    signatures
        By model name.
    default
        The name that counts where a request has none.
    root_path
        Before each path, for whoever asks.
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        default: str | None,
        root_path: str = "",
    ) -> None:
        self._signatures = signatures
        self._default = default
        self._root_path = root_path

    def name(self, asked: str | None) -> str:
        """Return the name of the model that is asked for, or of the default.

        Raises
        ------
        NoDefaultModel
            If none is asked for, and none is the default.
        UnknownModel
            If there is no model of that name.
        """
        name = self._default if asked is None else asked
        names = ", ".join(self._signatures)
        if name is None:
            raise NoDefaultModel(
                f"Several models are served, and none by default: {names}. Send the "
                "request to /models/{name}/predict."
            )
        if name not in self._signatures:
            raise UnknownModel(f"There is no model {name!r}; the models are: {names}.")
        return name

    def models(self, refused: Mapping[str, str] = MappingProxyType({})) -> bytes:
        """Return the list of the models, JSON.

        Parameters
        ----------
        refused
            By file: why it is not served, or not as it is now.
        """
        models = [
            {
                "name": name,
                "title": signature.title,
                "version": signature.version,
                "url": f"{self._root_path}/models/{name}",
            }
            for name, signature in self._signatures.items()
        ]
        about: dict[str, Any] = {"default": self._default, "models": models}
        if refused:
            about["refused"] = [
                {"file": file, "detail": detail} for file, detail in refused.items()
            ]
        return msgspec.json.encode(about)

    def model(self, name: str) -> bytes:
        """Return the signature of a model, JSON.

        Raises
        ------
        UnknownModel
        """
        return msgspec.json.encode(self._signatures[self.name(name)])

    def require_version(self, name: str, version: str) -> None:
        """Refuse a version of a model that is another than the one that is served.

        Raises
        ------
        UnknownModel
        """
        found = self._signatures[name].version
        if version != found:
            raise UnknownModel(
                f"Of the model {name!r} version {found} is served, and not {version!r}."
            )


def describe_problem(slug: str) -> str | None:
    """Return what a kind of problem is, for people; None where there is no such."""
    found = PROBLEMS.get(slug)
    if found is None:
        return None
    from inspect import cleandoc  # 5 ms of a function's start, for a rare question

    return f"{found.title} ({found.status:d})\n\n{cleandoc(found.__doc__ or '')}\n"


def blank_problem(status: int, detail: str = "") -> bytes:
    """Return a problem whose kind its status says: about:blank of RFC 9457."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    if detail:
        document["detail"] = detail
    return msgspec.json.encode(document)
