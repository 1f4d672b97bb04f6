"""Finds tensors whose values are said to stand in another file.

onnxruntime would read that file, whatever it is, from where the server runs, and its
bytes would come out as predictions. No file of ours has such a tensor.
"""

from server.model_file.operators import NUMBERS
from server.model_file.protobuf import fields

_PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
}
"""By message and field number, every way from a model to a tensor (onnx.proto)."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_KEY = b"location"  # of the entry that names the other file


def has_external_data(content: bytes) -> bool:
    """Return whether a tensor of the model file stands elsewhere.

    Raises
    ------
    NotProtobuf
    """
    if _KEY not in content:  # as in most files, whose parts are not walked over
        return False
    parts = [("model", 0, len(content))]
    while parts:
        kind, start, stop = parts.pop()
        inner = _PARTS.get(kind, {})
        skipped = NUMBERS if kind == "attribute" else None
        for field in fields(content, start, stop, skipped):
            if field.number in inner:
                parts.append((inner[field.number], field.start, field.stop))
            elif kind == "tensor" and (
                field.number == _EXTERNAL_DATA
                or (field.number == _DATA_LOCATION and field.value)
            ):
                return True
    return False
