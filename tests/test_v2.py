"""The Open Inference Protocol, beside what /predict says of the same rows."""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from tests.models import make_classifier, make_model, make_row
from tests.servers import asking

ROWS: list[dict[str, Any]] = [
    {"gender": "male", "lunch/meal": "standard", "reading score": 80.5},
    {"gender": "female", "lunch/meal": "Ünknown", "reading score": 0.0},
    {"gender": "male", "lunch/meal": None, "reading score": None},
]
JSON_LENGTH = "Inference-Header-Content-Length"
DATATYPES = {"gender": "BYTES", "lunch/meal": "BYTES", "reading score": "FP64"}
INFER = "/v2/models/student/infer"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "student.onnx").write_bytes(make_model())
    (folder / "pass.onnx").write_bytes(make_classifier((False, True), name="pass"))
    limits = ("--max-rows", "20", "--default", "student")
    with asking(*sorted(folder.glob("*.onnx")), *limits) as client:
        yield client


def tensor(name: str, values: Sequence[Any], **changes: Any) -> dict[str, Any]:
    tensor = {
        "name": name,
        "shape": [len(values), 1],
        "datatype": DATATYPES.get(name, "FP64"),
        "data": values,
    }
    return {**tensor, **changes}


def tensors(
    rows: Sequence[Mapping[str, Any]] = ROWS, **changes: Any
) -> list[dict[str, Any]]:
    return [tensor(name, [row[name] for row in rows], **changes) for name in DATATYPES]


def infer(client: httpx.Client, inputs: object, **more: Any) -> Any:
    return client.post(INFER, json={"inputs": inputs, **more})


def expected(client: httpx.Client, rows: Sequence[Any] = ROWS) -> list[float]:
    predictions: list[float] = client.post("/predict", json=rows).json()["predictions"]
    return predictions


def output(values: Sequence[float]) -> dict[str, Any]:
    return tensor("math score", values)


def binary(inputs: Sequence[Mapping[str, Any]], contents: Sequence[bytes]) -> bytes:
    """Return a body in which the values of the first inputs are behind the JSON."""
    named = [dict(each) for each in inputs]
    for each, content in zip(named, contents, strict=False):
        del each["data"]
        each["parameters"] = {"binary_data_size": len(content)}
    document: dict[str, Any] = {"inputs": named}
    document["parameters"] = {"binary_data_output": True}
    return json.dumps(document).encode()


def text_bytes(texts: Sequence[str]) -> bytes:
    encoded = [text.encode() for text in texts]
    return b"".join(struct.pack("<I", len(each)) + each for each in encoded)


def test_a_model_says_its_inputs_and_outputs(client: httpx.Client) -> None:
    assert client.get("/v2/models/student").json() == {
        "name": "student",
        "versions": ["0123456789ab"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": name, "datatype": datatype, "shape": [-1, 1]}
            for name, datatype in DATATYPES.items()
        ],
        "outputs": [
            {"name": "math score", "datatype": "FP64", "shape": [-1, 1]},
            {"name": "contributions", "datatype": "FP64", "shape": [-1, 3]},
        ],
    }
    assert client.get("/v2/models/pass/config").json() == {
        "name": "pass",
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": 20,
        "input": [{"name": "reading score", "data_type": "TYPE_FP64", "dims": [1]}],
        "output": [
            {"name": "pass", "data_type": "TYPE_BOOL", "dims": [1]},
            {"name": "probabilities", "data_type": "TYPE_FP64", "dims": [2]},
        ],
    }


@pytest.mark.parametrize(
    "inputs",
    [
        tensors(),
        tensors(shape=[3]),
        [
            *tensors()[:2],
            tensor("reading score", [[80.5], [0], [None]], datatype="FP32"),
        ],
    ],
)
def test_an_input_a_feature_is_answered_as_its_rows_are(
    client: httpx.Client, inputs: object
) -> None:
    answer = infer(client, inputs, id="42")

    assert answer.json() == {
        "model_name": "student",
        "model_version": "0123456789ab",
        "id": "42",
        "outputs": [output(expected(client))],
    }


def test_a_feature_that_may_be_missing_needs_no_input(client: httpx.Client) -> None:
    answer = infer(client, tensors()[:1])

    rows = [{"gender": row["gender"]} for row in ROWS]
    assert answer.json()["outputs"] == [output(expected(client, rows))]


def test_all_features_may_be_one_matrix(client: httpx.Client) -> None:
    values = {"name": "x", "shape": [2, 1], "datatype": "INT32", "data": [80, 3]}
    answer = client.post("/v2/models/pass/infer", json={"inputs": [values]})

    assert [each["data"] for each in answer.json()["outputs"]] == [
        [True, False],
        [0.0, 1.0, 1.0, 0.0],
    ]


def test_outputs_are_chosen_in_their_order(client: httpx.Client) -> None:
    outputs = [{"name": "contributions"}, {"name": "math score"}]
    answer = infer(client, tensors(), outputs=outputs).json()["outputs"]

    included = client.post("/predict?include=contributions", json=ROWS).json()
    contributions = [
        value for row in included["contributions"] for value in row.values()
    ]
    assert answer == [
        tensor("contributions", contributions, shape=[3, 3]),
        output(included["predictions"]),
    ]


@pytest.mark.parametrize("media_type", [None, "application/octet-stream"])
def test_tensors_are_taken_and_given_as_bytes(
    client: httpx.Client, media_type: str | None
) -> None:
    genders = text_bytes([row["gender"] for row in ROWS])
    head = binary(tensors(), [genders])
    headers = {JSON_LENGTH: str(len(head))}
    if media_type:
        headers["content-type"] = media_type
    answer = client.post(INFER, content=head + genders, headers=headers)

    n_bytes = int(answer.headers[JSON_LENGTH])
    (told,) = json.loads(answer.content[:n_bytes])["outputs"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert told == {
        "name": "math score",
        "shape": [3, 1],
        "datatype": "FP64",
        "parameters": {"binary_data_size": 24},
    }
    found = struct.unpack("<3d", answer.content[n_bytes:])
    assert list(found) == expected(client)


def test_a_number_that_is_none_is_missing_in_bytes_and_in_bad_json(
    client: httpx.Client,
) -> None:
    body = json.dumps({"inputs": tensors()}).replace("null]", "NaN]")
    answer = client.post(INFER, content=body.encode())

    assert answer.json()["outputs"] == [output(expected(client))]


def test_null_beside_the_data_is_what_is_left_out(client: httpx.Client) -> None:
    inputs = [{**each, "parameters": None} for each in tensors()]
    rest = {"id": None, "parameters": None}
    outputs = [{"name": "math score", "parameters": None}]

    answers = [
        infer(client, inputs, outputs=asked, **rest).json() for asked in (None, outputs)
    ]

    assert answers == [infer(client, tensors()).json()] * 2
    assert answers[0]["outputs"] == [output(expected(client))]


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ([], "There is no input."),
        (
            tensors()[1:],
            "1 value is invalid. #/columns/gender: This column is missing.",
        ),
        (
            [*tensors(), tensor("age", [1.0, 2.0, 3.0])],
            "1 value is invalid. #/columns/age: The model has no such feature; it reads "
            "'gender', 'lunch/meal', 'reading score'.",
        ),
        (
            [tensor("gender", ["male"]), tensor("gender", ["male"])],
            "There are two inputs named 'gender'.",
        ),
        (
            [tensor("gender", ["male"], datatype="FP8")],
            "Of the input 'gender', its datatype is 'FP8', not one of BOOL, INT8, INT16, "
            "INT32, INT64, UINT8, UINT16, UINT32, UINT64, FP16, FP32, FP64, BYTES.",
        ),
        (
            [tensor("gender", ["male"], shape=[2])],
            "Of the input 'gender', it has 1 values and the shape [2].",
        ),
        (
            [tensor("gender", ["male"], shape=[-1])],
            "Of the input 'gender', its shape [-1] has a negative number.",
        ),
        (
            [tensor("gender", ["male"], shape=[1, 1, 1])],
            "Of the input 'gender', the shape is [1, 1, 1]; a feature is [N] or [N, 1], "
            "and all 3 of them together [N, 3].",
        ),
        (
            [tensor("gender", [1.0], datatype="FP64")],
            "A column is of another kind. #/columns/gender: The datatype is FP64; send "
            "BYTES.",
        ),
        (
            [tensor("reading score", [2**53 + 1], datatype="INT64")],
            "A column is of another kind. #/columns/reading%20score: 9007199254740993 is "
            "no number of 64 bits.",
        ),
        (
            [tensor("reading score", [1.0], datatype="FP16")],
            "Of the input 'reading score', FP16 is sent as bytes, and not in JSON.",
        ),
        (
            [{"name": "gender", "shape": [1], "datatype": "BYTES"}],
            "Of the input 'gender', it has no data.",
        ),
        (
            [tensor("gender", [[[[[[[[[["male"]]]]]]]]]])],
            "Of the input 'gender', its lists are too deep in each other.",
        ),
        (
            [tensor("gender", ["male"] * 21)],
            "The body has 21 rows; at most 20 are accepted.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_text(
    client: httpx.Client, inputs: object, error: str
) -> None:
    answer = infer(client, inputs)

    assert answer.json() == {"error": error}
    assert answer.status_code == (413 if "at most" in error else 400)


@pytest.mark.parametrize(
    ("length", "behind", "error"),
    [
        ("x", b"", "Inference-Header-Content-Length is x, and the body has {n} bytes."),
        ("0", b"", "Inference-Header-Content-Length is 0, and the body has {n} bytes."),
        ("9" * 5000, b"", "Inference-Header-Content-Length is 9999"),
        ("9999", b"", "Inference-Header-Content-Length is 9999, and the body has {n} "),
        ("{n}", b"\1", "Behind the tensors there are 1 bytes more."),
    ],
)
def test_bytes_that_do_not_fit_are_refused(
    client: httpx.Client, length: str, behind: bytes, error: str
) -> None:
    body = json.dumps({"inputs": tensors()}).encode()
    headers = {JSON_LENGTH: length.format(n=len(body))}
    answer = client.post(INFER, content=body + behind, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error.format(n=len(body) + len(behind)))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\4\0\0\0mal", "its 7 bytes are no BYTES: the last string is cut off"),
        (b"\4\0\0", "its 3 bytes are no BYTES: unpack_from requires"),
        (b"\1\0\0\0\xff", "its 5 bytes are no BYTES: 'utf-8' codec"),
        (text_bytes(["male", "male"]), "it has 2 values and the shape [1, 1]"),
        (b"\0" * 100_000, "it has 2 values and the shape [1, 1]"),
    ],
)
def test_bytes_that_are_no_tensor_are_refused(
    client: httpx.Client, content: bytes, error: str
) -> None:
    head = binary([tensor("gender", ["male"])], [content])
    answer = client.post(
        INFER, content=head + content, headers={JSON_LENGTH: str(len(head))}
    )

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"Of the input 'gender', {error}")


def test_bytes_of_numbers_are_as_many_as_the_shape_says(client: httpx.Client) -> None:
    content = struct.pack("<2d", 80.0, 81.0)
    head = binary([tensor("reading score", [80.0])], [content])
    answer = client.post(
        INFER, content=head + content, headers={JSON_LENGTH: str(len(head))}
    )

    assert answer.json() == {
        "error": "Of the input 'reading score', its 16 bytes are no FP64: unpack requires "
        "a buffer of 8 bytes."
    }


def test_more_bytes_than_there_are_cannot_be_announced(client: httpx.Client) -> None:
    inputs = [{**tensor("gender", ["male"]), "parameters": {"binary_data_size": 9}}]
    del inputs[0]["data"]
    answer = infer(client, inputs)

    assert answer.json() == {
        "error": "Of the input 'gender', binary_data_size is 9, and 0 bytes are left."
    }


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        (["x"], "There is no output 'x', but math score, contributions."),
        (["math score", "math score"], "An output is asked for twice."),
    ],
)
def test_an_output_that_is_not_there_once_is_refused(
    client: httpx.Client, outputs: list[str], error: str
) -> None:
    answer = infer(client, tensors(), outputs=[{"name": name} for name in outputs])

    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b'{"inputs": NaN}', b'{"NaN": ', b'{"inputs": [null]}'),
        b'{"inputs": ' * 900 + b"null" + b"}" * 900,
        b'{"inputs": ' * 2000 + b"null" + b"}" * 2000,
    ],
    ids=range(8),
)
def test_what_is_no_request_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post(INFER, content=body)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The body is no inference request: ")


def test_a_row_for_people_is_a_row_for_machines(client: httpx.Client) -> None:
    answer = infer(client, tensors([make_row()]))

    (one,) = answer.json()["outputs"]
    assert one["data"] == expected(client, [make_row()])
