"""What goes through the C boundary, bit for bit as through onnxruntime's own binding."""

import math
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from server.runtime.session import RuntimeFault, Session, Tensor
from tests.test_session import make_model

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # of the oracle, which obeys it at import
import onnxruntime

ELEMENTS = {
    "float32": (TensorProto.FLOAT, np.float32),
    "float64": (TensorProto.DOUBLE, np.float64),
    "int64": (TensorProto.INT64, np.int64),
    "bool": (TensorProto.BOOL, np.bool_),
    "string": (TensorProto.STRING, object),
}


def from_bits(number: int) -> float:
    """Return any double there is: infinities, subnormals, NaN with whatever it holds."""
    (value,) = struct.unpack("<d", struct.pack("<Q", number))
    return float(value)


UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
TEXTS = (
    UNICODE
    | st.sampled_from(["", "\0", "a\0b", "\0" * 300, "e\N{COMBINING ACUTE ACCENT}"])
    | st.builds(str.__mul__, UNICODE, st.sampled_from([1, 256, 65_536]))
)
DOUBLES = st.floats() | st.builds(from_bits, st.integers(0, 2**64 - 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "float32": st.floats(width=32) | DOUBLES,
    "float64": DOUBLES,
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "string": TEXTS,
}


def make_identities(n_dimensions: int) -> bytes:
    """Return a graph that gives an input of each dtype back, and all texts once more."""
    shape = ["n_rows", *[None] * n_dimensions][:n_dimensions]
    nodes = [helper.make_node("Identity", [f"_{name}"], [name]) for name in ELEMENTS]
    nodes.append(helper.make_node("StringConcat", ["_string", "_string"], ["twice"]))
    types = {name: element_type for name, (element_type, _) in ELEMENTS.items()}
    outputs = types | {"twice": TensorProto.STRING}
    make_info = helper.make_tensor_value_info
    return make_model(
        nodes,
        [make_info(f"_{name}", number, shape) for name, number in types.items()],
        [make_info(name, number, shape) for name, number in outputs.items()],
    )


MODELS = [make_identities(n_dimensions) for n_dimensions in range(5)]
SESSIONS = [Session(model, "a model") for model in MODELS]
ORACLES = [onnxruntime.InferenceSession(model) for model in MODELS]
OUTPUTS = [*ELEMENTS, "twice"]


def ask_oracle(
    columns: Sequence[Sequence[Any]], shape: tuple[int, ...]
) -> list[tuple[list[Any], tuple[int, ...]]]:
    with np.errstate(all="ignore"):  # doubles beyond float32 become infinite, as ours
        feed: dict[str, Any] = {
            f"_{name}": np.array(column, element).reshape(shape)
            for (name, (_, element)), column in zip(
                ELEMENTS.items(), columns, strict=True
            )
        }
    arrays = ORACLES[len(shape)].run(OUTPUTS, feed)
    return [(_bits(array), array.shape) for array in arrays]


def to_bits(tensors: Sequence[Tensor]) -> list[tuple[list[Any], tuple[int, ...]]]:
    """Return tensors so that they are equal only if every bit is: NaN too, and -0.0."""
    elements = [*(element for _, element in ELEMENTS.values()), object]
    with np.errstate(all="ignore"):
        return [
            (_bits(np.array(values, element)), shape)
            for (values, shape), element in zip(tensors, elements, strict=True)
        ]


def _bits(array: Any) -> list[Any]:
    if array.dtype == object:
        return list(array.ravel())
    flat = np.ascontiguousarray(array).ravel()
    if array.dtype == np.float32:  # a signalling NaN is quiet once it was a double
        flat = flat.astype(np.float64)
    return [flat[place : place + 1].tobytes() for place in range(flat.size)]


@st.composite
def tables(draw: Any, max_rows: int = 40) -> tuple[list[list[Any]], int]:
    """Return a column of each dtype, and how many rows they have."""
    n_rows = draw(st.sampled_from([0, 1]) | st.integers(0, max_rows))
    columns = [
        draw(st.lists(values, min_size=n_rows, max_size=n_rows))
        for values in VALUES.values()
    ]
    return columns, n_rows


@given(st.lists(st.integers(0, 3), max_size=4), st.data())
def test_tensors_of_any_shape_are_run_as_by_the_binding(
    lengths: list[int], data: st.DataObject
) -> None:
    shape, n_values = tuple(lengths), math.prod(lengths)
    columns = [
        data.draw(st.lists(values, min_size=n_values, max_size=n_values))
        for values in VALUES.values()
    ]
    feed = {
        f"_{name}": Tensor(column, shape)
        for name, column in zip(ELEMENTS, columns, strict=True)
    }

    found = SESSIONS[len(shape)].run(OUTPUTS, feed)

    assert to_bits(found) == ask_oracle(columns, shape)


@pytest.mark.parametrize("n_dimensions", [1, 2])
@given(tables())
@example(
    (
        [[1.5] * 70_000, [0.1] * 70_000, [7] * 70_000, [True] * 70_000, ["é"] * 70_000],
        70_000,
    )
)
def test_columns_of_any_length_are_predicted_as_by_the_binding(
    n_dimensions: int, table: tuple[list[list[Any]], int]
) -> None:
    """The session is the same for all tables: what it keeps must not show."""
    columns, n_rows = table

    found = SESSIONS[n_dimensions].predict(OUTPUTS, columns, n_rows)

    assert to_bits(found) == ask_oracle(columns, (n_rows, 1)[:n_dimensions])


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()  # with lone surrogates
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("place", range(len(ELEMENTS)))
@given(tables(3), st.data())
def test_a_column_of_anything_is_refused_or_read_as_numpy_reads_it(
    place: int, table: tuple[list[list[Any]], int], data: st.DataObject
) -> None:
    columns, n_rows = table
    values = VALUES[[*ELEMENTS][place]]
    anything = JUNK | st.lists(JUNK | values, min_size=n_rows, max_size=n_rows)
    odd: list[Any] = [*columns]
    odd[place] = data.draw(anything)

    try:
        found = SESSIONS[2].predict(OUTPUTS, odd, n_rows)
    except RuntimeFault:
        found = SESSIONS[2].predict(OUTPUTS, columns, n_rows)  # it works as before
        odd = columns
    else:
        element = [*ELEMENTS.values()][place][1]
        odd[place] = (
            np.frombuffer(odd[place], element)
            if isinstance(odd[place], bytes) and element is not object
            else list(odd[place])
        )

    assert to_bits(found) == ask_oracle(odd, (n_rows, 1))


@pytest.mark.parametrize("n_columns", [0, 1, 4, 6])
def test_another_number_of_columns_is_refused(n_columns: int) -> None:
    with pytest.raises(RuntimeFault) as fault:
        SESSIONS[2].predict(OUTPUTS, [[]] * n_columns, 0)

    assert str(fault.value) == f"found {n_columns} columns, expected 5"


@given(
    UNICODE,
    st.characters(categories=["Cs"]),
    UNICODE,
    st.integers(0, 2),
    st.sampled_from(["\0", "", "x" * 300]),
)
def test_a_lone_surrogate_is_refused_wherever_it_stands(
    before: str, surrogate: str, after: str, place: int, other: str
) -> None:
    """Also behind texts that go another way, which are in the tensor by then."""
    texts = [other] * 3
    texts[place] = before + surrogate + after
    columns: list[list[Any]] = [[1.5] * 3, [0.5] * 3, [7] * 3, [True] * 3, texts]

    with pytest.raises(
        RuntimeFault, match="input '_string': 'utf-8' codec can't encode"
    ):
        SESSIONS[2].predict(OUTPUTS, columns, 3)


@given(
    st.dictionaries(
        st.sampled_from([f"_{name}" for name in ELEMENTS] + ["", "_float16"]),
        st.tuples(
            st.lists(JUNK, max_size=4),
            st.lists(st.integers(-3, 3) | st.sampled_from([2**31, 2**63, 2**64])),
        ),
    ),
    st.lists(st.sampled_from([*OUTPUTS, "", "none"]), max_size=4),
)
def test_any_feed_is_run_or_refused(
    feed: dict[str, tuple[list[Any], list[int]]], outputs: list[str]
) -> None:
    tensors = {
        name: Tensor(values, tuple(shape)) for name, (values, shape) in feed.items()
    }
    complete = {
        f"_{name}": tensors.get(f"_{name}", Tensor([], (0, 1))) for name in ELEMENTS
    }

    for each in (tensors, complete):
        with suppress(RuntimeFault):
            found = SESSIONS[2].run(outputs, each)
            assert [len(values) for values, _ in found] == [
                math.prod(shape) for _, shape in found
            ]


@given(st.lists(st.tuples(tables(6), st.booleans()), min_size=2, max_size=6))
def test_threads_that_fail_and_threads_that_answer_do_not_mix(
    asked: list[tuple[tuple[list[list[Any]], int], bool]],
) -> None:
    expected = [
        None if is_spoilt else ask_oracle(columns, (n_rows, 1))
        for (columns, n_rows), is_spoilt in asked
    ]

    def predict(one: tuple[tuple[list[list[Any]], int], bool]) -> Any:
        (columns, n_rows), is_spoilt = one
        spoilt = [*columns[:4], [*columns[4], "\ud800"]]
        try:
            found = SESSIONS[2].predict(
                OUTPUTS, spoilt if is_spoilt else columns, n_rows + is_spoilt
            )
        except RuntimeFault:
            return None
        return to_bits(found)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(predict, asked * 3))

    assert found == expected * 3


ACTIONS = ("predict", "run", "fail", "ask", "close")


@given(st.lists(st.sampled_from(ACTIONS) | st.just("predict"), max_size=12))
def test_a_session_answers_until_it_is_closed_and_says_so_then(
    actions: list[str],
) -> None:
    session = Session(MODELS[1])
    columns: list[list[Any]] = [[1.5], [-0.0], [7], [True], ["\0é"]]
    feed = {
        f"_{name}": Tensor(column, (1,))
        for name, column in zip(ELEMENTS, columns, strict=True)
    }
    answered = ask_oracle(columns, (1,))
    expected: dict[str, Any] = {
        "predict": answered,
        "run": answered,
        "fail": "output 'none' is unknown",
        "ask": None,
        "close": None,
    }
    closed = dict.fromkeys(("predict", "run", "fail", "ask"), "the session is closed")

    for action in actions:
        assert _act(session, action, columns, feed) == expected[action]
        if action == "close":
            expected |= closed


def _act(
    session: Session, action: str, columns: list[list[Any]], feed: dict[str, Tensor]
) -> Any:
    try:
        if action == "predict":
            return to_bits(session.predict(OUTPUTS, columns, 1))
        if action == "run":
            return to_bits(session.run(OUTPUTS, feed))
        if action == "fail":
            return session.run(["none"], feed)
        return session.metadata("none") if action == "ask" else session.close()
    except RuntimeFault as fault:
        return str(fault)


def test_an_output_that_is_no_unicode_is_refused() -> None:
    model = make_model(
        [
            helper.make_node(
                "LabelEncoder",
                ["x"],
                ["y"],
                domain="ai.onnx.ml",
                keys_int64s=[1, 2],
                values_strings=[b"\xc3\xa9", b"\xc3\x28"],
            )
        ],
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n_rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["n_rows", 1])],
    )
    with Session(model) as session:
        with pytest.raises(RuntimeFault) as fault:
            session.predict(["y"], [[1, 2]], 2)

        assert str(fault.value) == (
            "output 'y': 'utf-8' codec can't decode byte 0xc3 in position 0: invalid "
            "continuation byte"
        )
        assert session.predict(["y"], [[1]], 1) == [Tensor(["é"], (1, 1))]
