"""The inputs and outputs of a model, in the words of the protocol."""

from collections.abc import Sequence
from typing import Any

from server.contracts.schema import Schema
from server.signature import Feature, Target, is_boolean, is_text

PLATFORM = "onnxruntime_onnx"
PROBABILITIES = "probabilities"
CONTRIBUTIONS = "contributions"


def datatype_of(feature: Feature) -> str:
    """Return the data type that a feature has; other numbers are taken if none is lost."""
    if is_text(feature):
        return "BYTES"
    if is_boolean(feature):
        return "BOOL"
    return "INT64" if feature.kind == "integer" else "FP64"


def target_datatype(target: Target) -> str:
    """Return the data type of a prediction: a number, or a label."""
    kinds = {type(label) for label in target.classes}
    if not kinds or float in kinds:
        return "FP64"
    if kinds == {bool}:
        return "BOOL"
    return "INT64" if kinds == {int} else "BYTES"


def outputs_of(schema: Schema) -> dict[str, tuple[str, int]]:
    """Return the data type and the number of columns of each output, by its name."""
    signature = schema.signature
    outputs = {each.name: (target_datatype(each), 1) for each in signature.targets}
    if PROBABILITIES in schema.includes:
        outputs[PROBABILITIES] = "FP64", len(signature.targets[0].classes)
    if CONTRIBUTIONS in schema.includes:
        outputs[CONTRIBUTIONS] = "FP64", len(signature.features)
    return outputs


def model_metadata(schema: Schema) -> dict[str, Any]:
    """Return the document of `GET /v2/models/{name}`."""
    signature = schema.signature
    return {
        "name": signature.name,
        "versions": [signature.version],
        "platform": PLATFORM,
        "inputs": [
            {"name": each.name, "datatype": datatype_of(each), "shape": [-1, 1]}
            for each in signature.features
        ],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1, n_columns]}
            for name, (datatype, n_columns) in outputs_of(schema).items()
        ],
    }


def model_config(schema: Schema) -> dict[str, Any]:
    """Return what load generators ask of `GET /v2/models/{name}/config`.

    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md
    """
    metadata = model_metadata(schema)
    return {
        "name": schema.signature.name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "max_batch_size": schema.max_rows,
        "input": _ports(metadata["inputs"]),
        "output": _ports(metadata["outputs"]),
    }


def _ports(tensors: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": each["name"],
            "data_type": f"TYPE_{each['datatype'].replace('BYTES', 'STRING')}",
            "dims": each["shape"][1:],  # those of one row
        }
        for each in tensors
    ]
