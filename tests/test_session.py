import itertools
import json
import os
import random
import subprocess
import sys
from array import array
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from server.runtime.session import (
    MAX_KEPT_BATCHES,
    Port,
    RuntimeFault,
    Session,
    Tensor,
)

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # of the oracle, which obeys it at import
import onnxruntime

ROOT = Path(__file__).parents[1]
DTYPES = {
    "float32": (TensorProto.FLOAT, np.float32),
    "float64": (TensorProto.DOUBLE, np.float64),
    "int64": (TensorProto.INT64, np.int64),
    "bool": (TensorProto.BOOL, np.bool_),
    "string": (TensorProto.STRING, object),
}
VALUES: dict[str, list[Any]] = {
    "float32": [1.5, -0.0, float("inf"), 2.0**-149],
    "float64": [0.1, -1e308, float("-inf"), 5e-324],
    "int64": [0, -1, 2**63 - 1, -(2**63)],
    "bool": [True, False, False, True],
    "string": ["", "é漢字🎓", "a\0b", "long " * 1000],
}
CATEGORIES = ["female", "male", "é漢字", ""]
WEIGHTS = [0.25, -1.5, 3.0, 7.0]


def make_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[TensorProto] = (),
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 4)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    helper.set_model_props(model, dict(metadata or {}))
    content: bytes = model.SerializeToString()
    return content


def make_identity(
    dtype: int, shape: Sequence[int | str | None], **metadata: str
) -> bytes:
    return make_model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", dtype, shape)],
        metadata=metadata,
    )


def make_student() -> bytes:
    """Return a graph of two categories and two numbers, with two outputs."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            [name],
            [f"_{name}"],
            domain="ai.onnx.ml",
            keys_strings=CATEGORIES,
            values_tensor=helper.make_tensor("v", TensorProto.DOUBLE, [4], WEIGHTS),
            default_tensor=helper.make_tensor("d", TensorProto.DOUBLE, [1], [-100.0]),
        )
        for name in ("gender", "lunch")
    ]
    nodes += [
        helper.make_node("Concat", ["_gender", "_lunch", "a", "b"], ["terms"], axis=1),
        helper.make_node("ReduceSum", ["terms", "_axes"], ["prediction"]),
    ]
    return make_model(
        nodes,
        [
            helper.make_tensor_value_info(name, dtype, ["n_rows", 1])
            for name, dtype in {
                "gender": TensorProto.STRING,
                "lunch": TensorProto.STRING,
                "a": TensorProto.DOUBLE,
                "b": TensorProto.DOUBLE,
            }.items()
        ],
        [
            helper.make_tensor_value_info("terms", TensorProto.DOUBLE, ["n_rows", 4]),
            helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, [None, 1]),
        ],
        [helper.make_tensor("_axes", TensorProto.INT64, [1], [1])],
        {"signature": "s" * 1000},
    )


def make_columns(n_rows: int, seed: int = 7) -> list[list[Any]]:
    rng = random.Random(seed)
    return [
        rng.choices([*CATEGORIES, "unknown"], k=n_rows),
        rng.choices(CATEGORIES, k=n_rows),
        [rng.uniform(-100, 100) for _ in range(n_rows)],
        [rng.uniform(-100, 100) for _ in range(n_rows)],
    ]


def ask_binding(
    model: bytes, outputs: Sequence[str], columns: Sequence[Sequence[Any]]
) -> list[Tensor]:
    session = onnxruntime.InferenceSession(model)
    feed = {
        port.name: np.array(
            column, object if port.type == "tensor(string)" else np.float64
        ).reshape(-1, 1)
        for port, column in zip(session.get_inputs(), columns, strict=True)
    }
    arrays = session.run(list(outputs), feed)
    return [Tensor(array.ravel().tolist(), array.shape) for array in arrays]


def run_python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `code` in a fresh process that has PATH and PYTHONPATH only."""
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=inherited | environment,
        cwd=ROOT,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 4), (2, 2), (2, 1, 2)])
def test_every_dtype_and_shape_comes_back_unchanged(
    dtype: str, shape: tuple[int, ...]
) -> None:
    session = Session(make_identity(DTYPES[dtype][0], [None] * len(shape)))
    tensor = Tensor(VALUES[dtype], shape)

    assert session.run(["y"], {"x": tensor}) == [tensor]
    assert session.inputs == (Port("x", dtype, (None,) * len(shape)),)


@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_tensors_and_scalars_come_back(dtype: str) -> None:
    element_type = DTYPES[dtype][0]
    empty = Tensor([], (0, 3))
    scalar = Tensor(VALUES[dtype][:1], ())

    assert Session(make_identity(element_type, [None, 3])).run(["y"], {"x": empty}) == [
        empty
    ]
    assert Session(make_identity(element_type, [])).run(["y"], {"x": scalar}) == [
        scalar
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [("n_rows", 1), (None, 1), ("n_rows",), (None, None)])
def test_a_column_of_every_dtype_is_predicted_again_and_again(
    dtype: str, shape: tuple[Any, ...]
) -> None:
    session = Session(make_identity(DTYPES[dtype][0], shape))

    for n_rows in (4, 1, 0, 3, 4, 2, 4):
        values = VALUES[dtype][:n_rows]
        expected = Tensor(values, (n_rows, 1)[: len(shape)])
        assert session.predict(["y"], [values], n_rows) == [expected]


@pytest.mark.parametrize("n_rows", [0, 1, 2, 16, 64, 65, 1000, 5000])
def test_a_table_is_predicted_as_by_the_binding(n_rows: int) -> None:
    model, columns = make_student(), make_columns(n_rows)
    session = Session(model)

    for outputs in (["prediction"], ["terms", "prediction"], ["prediction"]):
        expected = ask_binding(model, outputs, columns)
        assert session.predict(outputs, columns, n_rows) == expected


TEXT_SESSION = Session(make_identity(TensorProto.STRING, ["n_rows", 1]))
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(CATEGORIES) | UNICODE,
            UNICODE,
            NUMBERS | st.integers(-(2**53), 2**53) | st.booleans(),
            NUMBERS,
        ),
        min_size=1,
        max_size=20,
    )
)
def test_any_table_is_predicted_as_by_the_binding(rows: list[tuple[Any, ...]]) -> None:
    model, columns = make_student(), list(zip(*rows, strict=True))
    outputs = ["terms", "prediction"]

    with Session(model) as session:
        tensors = session.predict(outputs, columns, len(rows))

    assert tensors == ask_binding(model, outputs, columns)


@given(st.lists(UNICODE, max_size=20))
def test_any_text_survives_the_way_there_and_back(texts: list[str]) -> None:
    [tensor] = TEXT_SESSION.predict(["y"], [texts], len(texts))

    assert tensor == Tensor(texts, (len(texts), 1))


def test_missing_numbers_stay_missing() -> None:
    session = Session(make_identity(TensorProto.DOUBLE, ["n_rows", 1]))

    [tensor] = session.predict(["y"], [[float("nan"), 1.0]], 2)

    assert str(tensor.values) == "[nan, 1.0]"


@pytest.mark.parametrize(("n_values", "n_kept"), [(8192, 1), (8194, 0)])
def test_a_large_batch_is_not_kept_for_the_next_one(n_values: int, n_kept: int) -> None:
    """The input and the output count together."""
    with Session(make_identity(TensorProto.DOUBLE, ["n_rows", 1])) as session:
        n_rows = n_values // 2
        (found,) = session.predict(["y"], [[0.5] * n_rows], n_rows)

        assert found == Tensor([0.5] * n_rows, (n_rows, 1))
        assert len(session._idle) == n_kept


def test_few_batches_of_different_sizes_are_kept() -> None:
    with Session(make_identity(TensorProto.DOUBLE, ["n_rows", 1])) as session:
        for n_rows in range(1, 12):
            session.predict(["y"], [[0.5] * n_rows], n_rows)

        assert [n_rows for n_rows, _ in session._idle] == [4, 5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(("n_texts", "n_kept"), [(4096, 4096), (4097, 0)])
def test_texts_are_kept_but_not_without_end(n_texts: int, n_kept: int) -> None:
    texts = [f"text {number}" for number in range(n_texts)]
    with Session(make_identity(TensorProto.STRING, ["n_rows", 1])) as session:
        (found,) = session.predict(["y"], [texts], n_texts)

        assert found.values == texts
        assert len(session._addresses) == n_kept


@pytest.mark.parametrize(("n_bytes", "n_kept"), [(256, 1), (257, 0)])
def test_a_long_text_is_not_kept(n_bytes: int, n_kept: int) -> None:
    text = "é" + "x" * (n_bytes - 2)
    with Session(make_identity(TensorProto.STRING, ["n_rows", 1])) as session:
        (found,) = session.predict(["y"], [[text]], 1)

        assert found.values == [text]
        assert len(session._addresses) == n_kept


def test_numbers_may_come_as_arrays_or_as_the_memory_of_the_tensor() -> None:
    session = Session(make_identity(TensorProto.FLOAT, ["n_rows", 1]))
    numbers = array("f", [1.5, -2.0])
    expected = [Tensor([1.5, -2.0], (2, 1))]

    assert session.predict(["y"], [numbers], 2) == expected
    assert session.predict(["y"], [numbers.tobytes()], 2) == expected
    assert session.run(["y"], {"x": Tensor(array("d", numbers), (2, 1))}) == expected


def test_outputs_of_any_shape_and_dtype_are_read() -> None:
    model = make_model(
        [
            helper.make_node("NonZero", ["x"], ["positions"]),
            helper.make_node("Cast", ["x"], ["text"], to=TensorProto.STRING),
            helper.make_node("Cast", ["x"], ["is_set"], to=TensorProto.BOOL),
            helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        ],
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n_rows", 1])],
        [
            helper.make_tensor_value_info("positions", TensorProto.INT64, [2, None]),
            helper.make_tensor_value_info("text", TensorProto.STRING, ["n_rows", 1]),
            helper.make_tensor_value_info("is_set", TensorProto.BOOL, ["n_rows", 1]),
            helper.make_tensor_value_info("largest", TensorProto.INT64, []),
        ],
    )
    session = Session(model)
    outputs = ["positions", "text", "is_set", "largest"]

    for column, n_set in ([0, 7, 9], 2), ([0, 0, 5], 1), ([1, 2, 3], 3):
        positions = [row for row, value in enumerate(column) if value]
        assert session.predict(outputs, [column], 3) == [
            Tensor([*positions, *[0] * n_set], (2, n_set)),
            Tensor([str(value) for value in column], (3, 1)),
            Tensor([value != 0 for value in column], (3, 1)),
            Tensor([max(column)], ()),
        ]


STUDENT = ["female"], ["female"], [1.0], [2.0]


@pytest.mark.parametrize(
    ("outputs", "columns", "n_rows", "message"),
    [
        (["score"], STUDENT, 1, "output 'score' is unknown"),
        (["terms"] * 2, STUDENT, 1, "output 'terms' is asked for twice"),
        ([], STUDENT, 1, "At least one output should be requested."),
        (["terms"], STUDENT[:3], 1, "found 3 columns, expected 4"),
        (["terms"], STUDENT, 2, "input 'gender': found 1 values, expected 2"),
        (
            ["terms"],
            (*STUDENT[:3], [1.0, 2.0]),
            1,
            "input 'b': found 2 values, expected 1",
        ),
        (["terms"], ([1], *STUDENT[1:]), 1, "input 'gender': expected text, found int"),
        (
            ["terms"],
            ([None], *STUDENT[1:]),
            1,
            "input 'gender': expected text, found NoneType",
        ),
        (
            ["terms"],
            ([[]], *STUDENT[1:]),
            1,
            "input 'gender': expected text, found list",
        ),
        (
            ["terms"],
            (["\ud800"], *STUDENT[1:]),
            1,
            "input 'gender': 'utf-8' codec can't encode character '\\ud800' in "
            "position 0: surrogates not allowed",
        ),
        (
            ["terms"],
            (*STUDENT[:3], [None]),
            1,
            "input 'b': must be real number, not NoneType",
        ),
        (
            ["terms"],
            (*STUDENT[:3], ["1"]),
            1,
            "input 'b': must be real number, not str",
        ),
        (
            ["terms"],
            (*STUDENT[:3], [10**400]),
            1,
            "input 'b': int too large to convert to float",
        ),
    ],
)
def test_a_wrong_table_is_refused_before_it_runs(
    outputs: list[str], columns: Any, n_rows: int, message: str
) -> None:
    session = Session(make_student())
    session.predict(["terms"], STUDENT, 1)

    with pytest.raises(RuntimeFault) as fault:
        session.predict(outputs, columns, n_rows)

    assert str(fault.value) == message
    assert session.predict(["terms"], STUDENT, 1) == [
        Tensor([0.25, 0.25, 1.0, 2.0], (1, 4))
    ]


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        (TensorProto.INT64, 2**63, "input 'x': int too big to convert"),
        (TensorProto.INT64, 1.5, "input 'x': 'float' object cannot be interpreted as"),
        (TensorProto.BOOL, 2, "input 'x': expected True or False"),
        (TensorProto.BOOL, -1, "input 'x': unsigned byte integer is less than minimum"),
        (TensorProto.BOOL, "no", "input 'x': 'str' object cannot be interpreted as"),
    ],
)
def test_a_value_of_another_type_is_refused(
    dtype: int, value: object, message: str
) -> None:
    session = Session(make_identity(dtype, ["n_rows", 1]))

    with pytest.raises(RuntimeFault) as fault:
        session.predict(["y"], [[value]], 1)

    assert str(fault.value).startswith(message)


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ({}, "input 'x' is missing"),
        ({"x": Tensor([1.0], (1,)), "z": Tensor([1.0], (1,))}, "input 'z' is unknown"),
        (
            {"x": Tensor([1.0], (10**15,))},
            "input 'x': found 1 values, expected the shape (1000000000000000,)",
        ),
        ({"x": Tensor([1.0, 2.0], (1,))}, "input 'x': found 2 values, expected 1"),
        (
            {"x": Tensor([1.0], (-1, 2**64))},
            "input 'x': found 1 values, expected the shape (-1, 18446744073709551616)",
        ),
    ],
)
def test_a_wrong_feed_is_refused(feed: dict[str, Tensor], message: str) -> None:
    session = Session(make_identity(TensorProto.DOUBLE, [None]))

    with pytest.raises(RuntimeFault) as fault:
        session.run(["y"], feed)

    assert str(fault.value) == message


def test_a_wrong_rank_is_refused_in_the_words_of_onnxruntime() -> None:
    session = Session(make_identity(TensorProto.DOUBLE, [None]))

    with pytest.raises(RuntimeFault, match="Invalid rank for input: x Got: 2"):
        session.run(["y"], {"x": Tensor([1.0], (1, 1))})


def test_a_matrix_is_not_a_column() -> None:
    session = Session(make_identity(TensorProto.DOUBLE, ["n_rows", 2]))

    with pytest.raises(RuntimeFault) as fault:
        session.predict(["y"], [[1.0, 2.0]], 1)

    assert str(fault.value) == (
        "input 'x' is declared (None, 2), expected (None, 1): use run, not predict"
    )


def test_an_input_of_another_dtype_is_named() -> None:
    session = Session(make_identity(TensorProto.INT32, ["n_rows", 1]))

    with pytest.raises(RuntimeFault) as fault:
        session.predict(["y"], [[1]], 1)

    assert str(fault.value) == (
        "'x' is of ONNX type 6, expected one of float32, int64, string, bool, float64"
    )


def test_an_output_that_is_no_tensor_is_named_when_it_is_asked_for() -> None:
    model = make_model(
        [
            helper.make_node("SequenceConstruct", ["x"], ["list"]),
            helper.make_node("Identity", ["x"], ["y"]),
        ],
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n_rows", 1])],
        [
            helper.make_tensor_sequence_value_info("list", TensorProto.DOUBLE, None),
            helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n_rows", 1]),
        ],
    )
    session = Session(model)

    assert session.predict(["y"], [[1.0]], 1) == [Tensor([1.0], (1, 1))]
    with pytest.raises(RuntimeFault, match="'list' is not a tensor, expected one of"):
        session.predict(["list"], [[1.0]], 1)


def test_a_run_that_fails_leaves_a_session_that_works(
    capfd: pytest.CaptureFixture[str],
) -> None:
    model = make_model(
        [helper.make_node("Gather", ["table", "x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n_rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n_rows", 1])],
        [helper.make_tensor("table", TensorProto.DOUBLE, [2], [0.5, 1.5])],
    )
    session = Session(model)

    for _ in range(3):
        assert session.predict(["y"], [[1, 0]], 2) == [Tensor([1.5, 0.5], (2, 1))]
        with pytest.raises(RuntimeFault, match=r"Gather.*indices element out of data"):
            session.predict(["y"], [[1, 9]], 2)
    assert capfd.readouterr() == ("", "")


def test_a_graph_that_breaks_its_declared_shape_is_refused_and_nothing_is_overrun() -> (
    None
):
    model = make_model(
        [helper.make_node("Concat", ["x", "x"], ["y"], axis=0)],
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n_rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n_rows", 1])],
    )
    session = Session(model)

    with pytest.raises(RuntimeFault, match="shape"):
        session.predict(["y"], [[1.0]], 1)
    assert session.run(["y"], {"x": Tensor([1.0], (1, 1))}) == [
        Tensor([1.0, 1.0], (2, 1))
    ]


def test_what_is_no_model_is_refused_in_the_words_of_onnxruntime() -> None:
    with pytest.raises(RuntimeFault, match="No graph was found in the protobuf"):
        Session(b"")
    with pytest.raises(RuntimeFault, match="protobuf parsing failed"):
        Session(b"not a model")


def test_a_model_is_read_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "modèle.onnx"
    path.write_bytes(make_identity(TensorProto.DOUBLE, [None]))

    session = Session(path)
    path.unlink()

    assert session.run(["y"], {"x": Tensor([2.0], (1,))}) == [Tensor([2.0], (1,))]


def test_metadata_is_read_whole() -> None:
    big = json.dumps({"é漢字🎓": list(range(100_000))}, ensure_ascii=False)
    session = Session(
        make_identity(
            TensorProto.DOUBLE, [None], signature=big, **{"clé": "", "a": "b"}
        )
    )

    found = {key: session.metadata(key) for key in ("signature", "clé", "a", "none")}

    assert found == {"signature": big, "clé": "", "a": "b", "none": None}


def test_a_closed_session_says_so() -> None:
    with Session(make_student()) as session:
        session.predict(["terms"], STUDENT, 1)
    session.close()

    for use in (
        lambda: session.predict(["terms"], STUDENT, 1),
        lambda: session.run(
            ["terms"], {p.name: Tensor([], (0, 1)) for p in session.inputs}
        ),
        lambda: session.metadata("a"),
    ):
        with pytest.raises(RuntimeFault, match=r"^the session is closed$"):
            use()


def test_two_sessions_do_not_mix() -> None:
    first = Session(make_identity(TensorProto.STRING, ["n_rows", 1]))
    second = Session(make_student())

    for _ in range(3):
        assert first.predict(["y"], [["a"]], 1) == [Tensor(["a"], (1, 1))]
        assert second.predict(["terms"], STUDENT, 1)[0].shape == (1, 4)


def test_threads_share_a_session_and_get_their_own_answers() -> None:
    model, session = make_student(), Session(make_student())
    sizes = [1, 2, 3, 16, 70, 2000]

    def predict(seed: int) -> bool:
        rng = random.Random(seed)
        tables = [(n, make_columns(n, seed)) for n in sizes]
        answers = {n: ask_binding(model, ["terms"], columns) for n, columns in tables}
        return all(
            session.predict(["terms"], columns, n) == answers[n]
            for n, columns in rng.choices(tables, [9, 9, 9, 9, 3, 1], k=3000)
        )

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predict, range(4))) == [True] * 4


def test_a_session_may_be_closed_while_threads_use_it() -> None:
    columns = make_columns(5000)

    def predict_until_closed(session: Session) -> str:
        while True:
            try:
                session.predict(["terms"], columns, 5000)
            except RuntimeFault as fault:
                return str(fault)

    for _ in range(5):
        session = Session(make_student())
        with ThreadPoolExecutor(3) as pool:
            ends = [pool.submit(predict_until_closed, session) for _ in range(3)]
            session.predict(["terms"], columns, 5000)
            session.close()
        assert [end.result() for end in ends] == ["the session is closed"] * 3


def interrupt_keep(session: Session, n_rows: int, step: int, cut_in: Any) -> bool:
    """Predict, and let `cut_in` run before one step of bytecode of `Session._keep`.

    That is where another thread may have its turn. Returns whether there is such a step.
    """
    steps = itertools.count()
    is_reached = False

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal is_reached
        if frame.f_code is not Session._keep.__code__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and next(steps) == step:
            is_reached = True
            cut_in()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found = session.predict(["y"], [[0.5] * n_rows], n_rows)
    finally:
        sys.settrace(before)
    assert found == [Tensor([0.5] * n_rows, (n_rows, 1))]
    return is_reached


def test_a_batch_is_kept_whatever_another_thread_keeps_meanwhile() -> None:
    for step in itertools.count():
        with Session(make_identity(TensorProto.DOUBLE, ["n_rows", 1])) as session:
            for n_rows in range(1, MAX_KEPT_BATCHES + 1):
                session.predict(["y"], [[0.5] * n_rows], n_rows)

            def keep_another(session: Session = session) -> None:
                session.predict(["y"], [[0.5] * 20], 20)

            if not interrupt_keep(session, 10, step, keep_another):
                break
            kept = {n_rows for n_rows, _ in session._idle}
            assert kept == {3, 4, 5, 6, 7, 8, 10, 20}

    assert step > 10


def test_nothing_is_kept_of_a_session_that_is_closed_meanwhile() -> None:
    """A batch holds the model: it would not be released."""
    for step in itertools.count():
        session = Session(make_identity(TensorProto.DOUBLE, ["n_rows", 1]))
        for n_rows in range(1, MAX_KEPT_BATCHES + 1):
            session.predict(["y"], [[0.5] * n_rows], n_rows)
        if not interrupt_keep(session, 10, step, session.close):
            break
        assert session._idle == {}

    assert step > 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_process_goes_on_predicting(student_path: Path) -> None:
    forked = run_python(
        f"""
import os
from pathlib import Path
from server.runtime.session import Session
session = Session(Path({str(student_path)!r}))
columns = [["female"], ["male"], [1.0], [2.0]]
before = session.predict(["terms"], columns, 1)
child = os.fork()
assert session.predict(["terms"], columns, 1) == before
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    )

    assert (forked.stdout, forked.stderr, forked.returncode) == ("", "", 0)


@pytest.fixture
def student_path(tmp_path: Path) -> Path:
    path = tmp_path / "student.onnx"
    path.write_bytes(make_student())
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_has_neither_numpy_nor_telemetry(
    student_path: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    looked = run_python(
        f"""
import json, os, sys
from pathlib import Path
from server.runtime.session import Session
session = Session(Path({str(student_path)!r}))
columns = [["female"], ["male"], [1.0], [2.0]]
for _ in range(1000):
    session.predict(["terms"], columns, 1)
targets = [os.path.realpath(f"/proc/self/fd/{{n}}") for n in os.listdir("/proc/self/fd")]
mapped = Path("/proc/self/maps").read_text()
print(json.dumps({{
    "threads": len(os.listdir("/proc/self/task")),
    "sockets": [target for target in targets if "socket:" in target],
    "mapped": [name for name in ("numpy", "pybind11", "openblas") if name in mapped],
    "imported": [name for name in ("numpy", "onnxruntime") if name in sys.modules],
}}))
""",
        HOME=str(home),
        XDG_CACHE_HOME=str(home / "cache"),
    )

    assert looked.stderr == ""
    assert json.loads(looked.stdout) == {
        "threads": 1,
        "sockets": [],
        "mapped": [],
        "imported": [],
    }
    assert list(home.iterdir()) == []


OPEN = """
from server.runtime.session import RuntimeFault, Session
try:
    Session(b"")
except RuntimeFault as fault:
    print(fault)
"""


def test_a_missing_package_is_reported_with_its_remedy() -> None:
    without_site_packages = f"import sys; sys.path[:] = [{str(ROOT)!r}, *(p for p in sys.path if 'packages' not in p)]"

    failed = run_python(without_site_packages + OPEN)

    assert (failed.stdout, failed.stderr) == (
        "onnxruntime is not on Python's path: install requirements-inference.txt\n",
        "",
    )


def test_a_missing_library_is_reported_with_the_place_and_the_remedy(
    tmp_path: Path,
) -> None:
    package = tmp_path / "onnxruntime"
    package.mkdir()
    (package / "__init__.py").touch()

    failed = run_python(OPEN, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")

    assert failed.stdout.startswith("there is no ")
    assert failed.stdout.endswith(
        f" in {package / 'capi'}: install requirements-inference.txt\n"
    )
    assert failed.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the library's name is Linux's")
def test_a_library_that_is_another_one_is_reported(tmp_path: Path) -> None:
    package = tmp_path / "onnxruntime"
    (package / "capi").mkdir(parents=True)
    (package / "__init__.py").touch()
    path = package / "capi" / "libonnxruntime.so.1"
    path.write_bytes(b"not a library")

    failed = run_python(OPEN, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")

    assert failed.stdout == (
        f"{path} cannot be loaded ({path}: file too short): "
        "install requirements-inference.txt\n"
    )


def test_the_other_format_of_onnxruntime_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "student.ort"
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(make_student(), options)
    content = path.read_bytes()
    assert content[4:8] == b"ORTM"
    onnxruntime.InferenceSession(content)

    with pytest.raises(RuntimeFault):
        Session(content)


GROWTH = r"""
import random, sys
from pathlib import Path
from server.runtime.session import RuntimeFault, Session, Tensor

def private_kb():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

session = Session(Path(sys.argv[1]))
one = [["female"], ["male"], [1.0], [2.0]]

def predict_many(n):
    for _ in range(n):
        session.predict(("prediction",), one, 1)

def predict_sizes(n):
    for i in range(n):
        n_rows = i % 3000
        session.predict(("terms",), [column * n_rows for column in one], n_rows)

def predict_texts(n):
    for i in range(n):
        texts = [str(random.random()) + "\0" * (i % 2) for _ in range(64)]
        session.predict(("terms",), [texts, texts, *([[1.0] * 64] * 2)], 64)

def predict_long_texts(n):
    for i in range(n):
        n_rows = 1 + i % 40
        texts = ["x" * 100_000] * n_rows
        session.predict(("terms",), [texts, texts, *([[1.0] * n_rows] * 2)], n_rows)

def fail(n):
    for _ in range(n):
        for columns in ([*one[:3], [None]], one[:2], [["\ud800"], *one[1:]]):
            try:
                session.predict(("prediction",), columns, 1)
            except RuntimeFault:
                pass

def refuse(n):  # in the words of onnxruntime, which have to be released
    feed = {port.name: Tensor(v, (1,)) for port, v in zip(session.inputs, one)}
    for _ in range(n):
        for ask in (lambda: session.run(("terms",), feed), lambda: Session(b"?")):
            try:
                ask()
            except RuntimeFault as fault:
                assert "Invalid rank" in str(fault) or "protobuf" in str(fault)

def run(n):
    feed = {port.name: Tensor(v, (1, 1)) for port, v in zip(session.inputs, one)}
    for _ in range(n):
        session.run(("terms", "prediction"), feed)
        session.metadata("none")
        session.metadata("signature")

def reopen(n):
    content = Path(sys.argv[1]).read_bytes()
    for _ in range(n):
        Session(content).predict(("prediction",), one, 1)

repeat, n = globals()[sys.argv[2]], int(sys.argv[3])
repeat(n)
least = 1 << 30
for _ in range(3):  # what leaks does so each time; an arena of the allocator comes once
    before = private_kb()
    repeat(int(sys.argv[4]))
    least = min(least, private_kb() - before)
    if least < 1024:
        break
print(least)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("repeat", "n_before", "n_after"),
    [
        pytest.param("predict_many", 10_000, 1_000_000, marks=pytest.mark.slow),
        ("predict_sizes", 3_000, 6_000),
        ("predict_texts", 500, 3_000),
        ("predict_long_texts", 80, 300),
        ("fail", 2_000, 20_000),
        ("refuse", 2_000, 20_000),
        ("run", 2_000, 20_000),
        ("reopen", 30, 100),
    ],
)
def test_private_memory_does_not_grow(
    student_path: Path, repeat: str, n_before: int, n_after: int
) -> None:
    command = [sys.executable, "-c", GROWTH]
    command += [str(student_path), repeat, str(n_before), str(n_after)]

    grown = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)

    assert grown.stderr == ""
    # what the allocator keeps for the largest batch may come late: 0.3 to 4.5 MB; a
    # memory pattern for each size would be 108
    assert int(grown.stdout) < (16_384 if repeat == "predict_sizes" else 1024)  # kB
