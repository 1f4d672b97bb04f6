"""Writes a model file: a graph, its signature, and the seal over both."""

import msgspec
from onnx import ModelProto, helper

from server.seal import BLANK, seal
from server.signature import METADATA_KEY, Signature, write


def write_model_file(model: ModelProto, signature: Signature) -> bytes:
    """Return the bytes of the file; the same ones for the same arguments."""
    blank = msgspec.structs.replace(signature, sha256=BLANK)
    helper.set_model_props(model, {METADATA_KEY: write(blank)})
    return seal(serialized(model))


def serialized(model: ModelProto) -> bytes:
    return bytes(model.SerializeToString(deterministic=True))
