"""Turns a fitted scikit-learn pipeline into one ONNX file that knows what it accepts.

>>> from convert import to_onnx
>>> model = to_onnx(pipeline, X, y, name="price")  # doctest: +SKIP
>>> model.predict(X.head())  # doctest: +SKIP
>>> model.save("models/price.onnx")  # doctest: +SKIP

The command line is ``python -m convert``. What is here loads nothing until it is used.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import server

if Path(str(server.__file__)).parents[1:2] != Path(__file__).parents[1:2]:
    raise ImportError(
        f"{server} hides Pinion's own package of that name: start Python in another "
        "folder, or give the other one another name"
    )
__version__ = server.__version__

if TYPE_CHECKING:
    from convert.conversion import load, to_onnx, verify
    from convert.errors import Refusal
    from convert.model_file import ModelFile

__all__ = ["ModelFile", "Refusal", "__version__", "load", "to_onnx", "verify"]

_HOMES = {
    "ModelFile": "convert.model_file",
    "Refusal": "convert.errors",
    "load": "convert.conversion",
    "to_onnx": "convert.conversion",
    "verify": "convert.conversion",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
