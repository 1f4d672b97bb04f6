"""Files whose numbers lie: lengths, shapes, addresses, nodes and bytes of boosters."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from tests import assembler as a
from tests.hostile_file import add, booster, fitted, hostile, numbers

MEMORY = "memory without bound"
TIME = "time without bound"
ADDRESSES = "an array that reads elsewhere"
NODES = "nodes and indices that point outside"
BOOSTERS = "bytes of a booster"

MIB = 2**20


# Memory and time, in the reading itself


def _code(code: bytes) -> Any:
    return lambda marker: a.program(a.Code(code), protocol=5)


for _name, _instruction in {
    "bytearray of 3 GB in 13 bytes": b"\x96" + struct.pack("<Q", 3 * 10**9),
    "bytearray beyond every memory": b"\x96" + struct.pack("<Q", 2**63 - 1),
    "bytes of 3 GB in 13 bytes": b"\x8e" + struct.pack("<Q", 3 * 10**9),
    "text of 3 GB in 13 bytes": b"\x8d" + struct.pack("<Q", 3 * 10**9),
    "bytes of 4 GB in 6 bytes": b"B" + struct.pack("<I", 2**32 - 1),
    "number of 2 GB in 6 bytes": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "number of a negative length": b"\x8b" + struct.pack("<i", -1),
    "old string of a negative length": b"T" + struct.pack("<i", -5),
    "frame of 2 GB": b"\x95" + struct.pack("<Q", 2**31) + b"N",
    "memo at a far place": b"N" + b"r" + struct.pack("<I", 2**32 - 1),
}.items():
    add(MEMORY, _name, _code(_instruction))


def _called(module: Any, attribute: Any, *arguments: Any) -> Any:
    return lambda marker: a.program(a.call(a.name(module, attribute), *arguments))


for _name, _arguments in {
    "bytearray called with 3 GB": ("builtins", "bytearray", 3 * 10**9),
    "bytes called with 3 GB": ("builtins", "bytes", 3 * 10**9),
    "list of a long range": (
        *("builtins", "list"),
        a.call(a.name("builtins", "range"), 10**12),
    ),
    "set of a long range": (
        *("builtins", "set"),
        a.call(a.name("builtins", "range"), 10**12),
    ),
    "text of a long number": ("builtins", "str", 7**9000),
    "number of a long text": ("builtins", "int", "7" * 4000),
    "array of a huge shape": ("numpy", "ndarray", (10**12,), "f8"),
    "reconstructed array of a huge shape": (
        *("numpy._core.multiarray", "_reconstruct"),
        *(a.name("numpy", "ndarray"), (10**11,), b"d"),
    ),
    "dtype of a huge item": ("numpy", "dtype", "V2147483647"),
    "dtype of a huge shape": ("numpy", "dtype", ("f8", (2**15, 2**15))),
    "dtype of a thousand fields in each other": (
        *("numpy", "dtype"),
        ",".join(["f8"] * 5000),
    ),
    "index of a long range": (
        *("pandas", "Index"),
        a.call(a.name("builtins", "range"), 10**12),
    ),
}.items():
    add(MEMORY, _name, _called(*_arguments))


@hostile(MEMORY)
def _number_of_a_million_digits_multiplied(marker: Path) -> bytes:
    return a.program([a.number(2**8_000_000)])


@hostile(MEMORY)
def _joblib_array_of_a_huge_shape(marker: Path) -> bytes:
    return a.program([a.joblib_array("f8", (10**12,), bytes(16))])


@hostile(MEMORY)
def _joblib_array_of_zero_times_a_huge_shape(marker: Path) -> bytes:
    return a.program([a.joblib_array("f8", (10**18, 0, 10**18), b"")])


@hostile(TIME)
def _joblib_array_of_a_negative_shape(marker: Path) -> bytes:
    """A reader that skips a negative length reads the same bytes for ever."""
    return a.program([a.joblib_array("u1", (-300,), b"")])


@hostile(TIME)
def _joblib_array_of_a_negative_shape_that_comes_back(marker: Path) -> bytes:
    def whole(length: int) -> bytes:
        return a.program(
            [a.joblib_array("u1", (length, 1), b"", alignment=None)], protocol=2
        )

    return whole(-len(whole(-100)) + 8)


@hostile(TIME)
def _joblib_array_with_a_shape_of_objects(marker: Path) -> bytes:
    shape = (a.call(a.name("builtins", "bytes"), 8), "x", None)
    return a.program([a.joblib_array("f8", shape, bytes(8))])


@hostile(MEMORY)
def _list_that_doubles_sixty_times(marker: Path) -> bytes:
    return a.program(_doubled(a.value([]), 60, lambda pair: a.listed(pair)))


@hostile(MEMORY)
def _tuple_that_doubles_sixty_times(marker: Path) -> bytes:
    return a.program(_doubled(a.value(()), 60, lambda pair: a.tupled(pair)))


@hostile(MEMORY)
def _key_that_doubles_sixty_times(marker: Path) -> bytes:
    """The hash of a tuple of tuples is computed from all of them, each time."""
    key = _doubled(a.value((1,)), 60, lambda pair: a.tupled(pair))
    return a.program(a.Code(b"}" + key + a.value(1) + b"s"))


@hostile(MEMORY)
def _coefficients_that_double_sixty_times(marker: Path) -> bytes:
    pipeline = fitted("Ridge")
    doubled = _doubled(a.value([1.0]), 60, lambda pair: a.listed(pair))
    pipeline.steps[1][1].coef_ = doubled
    return a.dumps(pipeline)


@hostile(MEMORY)
def _parameter_that_doubles_sixty_times(marker: Path) -> bytes:
    pipeline = fitted("Ridge")
    doubled = _doubled(
        a.value({}), 60, lambda pair: a.mapped({"a": pair[0], "b": pair[1]})
    )
    pipeline.steps[1][1].alpha = doubled
    return a.dumps(pipeline)


def _doubled(first: a.Code, times: int, pair: Any) -> a.Code:
    made = first
    for place in range(10_000, 10_000 + times):
        made = pair([a.put(made, place), a.get(place)])
    return made


@hostile(MEMORY)
def _lists_in_lists_a_hundred_thousand_deep(marker: Path) -> bytes:
    return a.program(a.Code(b"]" * 100_000 + b"a" * 99_999))


@hostile(MEMORY)
def _tuples_in_tuples_a_hundred_thousand_deep(marker: Path) -> bytes:
    return a.program(a.Code(b")" + b"\x85" * 100_000))


@hostile(MEMORY)
def _pipelines_in_pipelines_ten_thousand_deep(marker: Path) -> bytes:
    kind = a.name("sklearn.pipeline", "Pipeline")
    begin = a.Code(kind + b")\x81}" + a.text("steps") + b"](" + a.text("s"))
    whole = begin * 10_000 + a.value(None) + b"\x86aslb" * 0 + b"\x86esb" * 10_000
    return a.program(a.Code(whole))


@hostile(MEMORY)
def _a_million_marks(marker: Path) -> bytes:
    return a.program(a.Code(b"(" * 1_000_000 + b"N"))


@hostile(MEMORY)
def _three_million_objects(marker: Path) -> bytes:
    return a.program(a.Code(b"](" + b"}" * 3_000_000 + b"e"))


@hostile(TIME)
def _keys_that_collide(marker: Path) -> bytes:
    """Python's hash of a number is its rest by 2**61 - 1."""
    pairs = b"".join(a.number(each * (2**61 - 1)) + b"N" for each in range(1, 30_001))
    return a.program(a.Code(b"}(" + pairs + b"u"))


@hostile(TIME)
def _list_that_holds_itself(marker: Path) -> bytes:
    return a.program(a.Code(a.put([], 1) + a.get(1) + b"a"))


@hostile(TIME)
def _dict_that_holds_itself(marker: Path) -> bytes:
    return a.program(a.Code(a.put({}, 1) + a.value("x") + a.get(1) + b"s"))


@hostile(TIME)
def _array_of_objects_that_holds_itself(marker: Path) -> bytes:
    reconstruct = a.name("numpy._core.multiarray", "_reconstruct")
    made = a.put(a.call(reconstruct, a.name("numpy", "ndarray"), (0,), b"b"), 1)
    state = (
        1,
        (1,),
        a.dtype("O8", 3, "|", None, None, None, -1, -1, 63),
        False,
        [a.get(1)],
    )
    return a.program(a.build(made, state))


@hostile(TIME)
def _parameter_that_holds_itself(marker: Path) -> bytes:
    pipeline = fitted("Ridge")
    pipeline.steps[1][1].alpha = [pipeline.steps[1][1]]
    return a.dumps(pipeline)


# Bombs


@hostile(MEMORY)
def _gzip_of_a_gigabyte_of_nothing(marker: Path) -> bytes:
    return a.gzip_bomb(b"]0" * (MIB // 2), 1200)


@hostile(MEMORY)
def _zlib_of_a_gigabyte_of_objects(marker: Path) -> bytes:
    return a.zlib_bomb(b"]" * MIB, 1200)


@hostile(MEMORY)
def _bz2_of_a_quarter_of_a_gigabyte(marker: Path) -> bytes:
    return a.bz2_bomb(256 * MIB)


@hostile(MEMORY)
def _xz_of_half_a_gigabyte(marker: Path) -> bytes:
    return a.xz_bomb(512 * MIB)


# Arrays that read elsewhere


def _array_called(*arguments: Any) -> a.Code:
    return a.call(a.name("numpy", "ndarray"), *arguments)


def _with_coefficients(made: a.Code, attribute: str = "coef_") -> bytes:
    pipeline = fitted("Ridge")
    setattr(pipeline.steps[1][1], attribute, made)
    return a.dumps(pipeline)


for _name, _arguments in {
    "strides that overflow": ((5,), "f8", bytes(8), 0, (2**62,)),
    "negative strides": ((5,), "f8", bytes(40), 0, (-8,)),
    "offset before the buffer": ((2,), "f8", bytes(16), -64),
    "offset behind the buffer": ((2,), "f8", bytes(16), 2**62),
    "buffer of objects": ((1,), "O", b"A" * 8),
    "buffer that is too short": ((100,), "f8", bytes(8)),
    "shape that overflows": ((2**32, 2**32), "f8", bytes(8)),
    "negative shape": ((-1,), "f8", bytes(8)),
    "strides of nothing": ((10**12,), "f8", bytes(8), 0, (0,)),
}.items():

    def _made(marker: Path, arguments: Any = _arguments) -> bytes:
        return _with_coefficients(_array_called(*arguments))

    add(ADDRESSES, f"array called with {_name}", _made)


FIELDS = {"a": (a.call(a.name("numpy", "dtype"), "f8", False, True), 2**31 - 8)}

for _name, _array in {
    "too few bytes": a.array("f8", (100,), bytes(8)),
    "too many bytes": a.array("f8", (1,), bytes(800)),
    "a negative shape": a.array("f8", (-1,), bytes(8)),
    "a shape that overflows": a.array("f8", (2**32, 2**32), b""),
    "a shape of texts": a.array("f8", ("2",), bytes(16)),
    "a shape of floats": a.array("f8", (2.0,), bytes(16)),
    "a shape of truths": a.array("f8", (True, True), bytes(8)),
    "sixty-five dimensions": a.array("f8", (1,) * 65, bytes(8)),
    "objects from bytes": a.array("O8", (1,), b"A" * 8),
    "objects in place of numbers": a.array("f8", (1,), [1.0]),
    "numbers that are functions": a.array(
        a.dtype("O8", 3, "|", None, None, None, -1, -1, 63),
        (1,),
        [a.name("numpy", "log1p")],
    ),
    "a field far away": a.array(
        a.dtype("V8", 3, "|", None, ("a",), FIELDS, 8, 1, 16), (1,), bytes(8)
    ),
    "a dtype of objects that says it has none": a.array(
        a.dtype("O8", 3, "|", None, None, None, -1, -1, 0), (1,), b"A" * 8
    ),
    "a dtype of another size": a.array(
        a.dtype("f8", 3, "<", None, None, None, 8000, 8, 0), (1,), bytes(8)
    ),
    "a dtype of another order": a.array(
        a.dtype("f8", 3, "x", None, None, None, -1, -1, 0), (1,), bytes(8)
    ),
    "a dtype made by a state of texts": a.array(
        a.dtype("f8", "3", "<", "x", "y", "z", "8", "8", "0"), (1,), bytes(8)
    ),
    "an order of texts": a.array("f8", (1,), bytes(8), "x"),
    "a huge text in each item": a.array("U2147483647", (1,), b""),
}.items():

    def _stated(marker: Path, array: Any = _array) -> bytes:
        return _with_coefficients(array)

    add(ADDRESSES, f"array with {_name}", _stated)


for _name, _pieces in {
    "of objects from bytes": ("O8", b"A" * 8),
    "that is too short": ("f8", b"A"),
    "of a huge text": ("U100", b"A"),
    "of a structure": ("V8", b"A"),
    "that is a text": ("f8", "A" * 8),
}.items():

    def _scalar(marker: Path, pieces: Any = _pieces) -> bytes:
        kind, content = pieces
        scalar = a.name("numpy._core.multiarray", "scalar")
        return _with_coefficients(a.call(scalar, a.dtype(kind), content), "alpha")

    add(ADDRESSES, f"scalar {_name}", _scalar)


for _name, _arguments in {
    "of objects": (b"A" * 8, a.call(a.name("numpy", "dtype"), "O"), (1,), "C"),
    "of a negative shape": (
        bytes(8),
        a.call(a.name("numpy", "dtype"), "f8"),
        (-1,),
        "C",
    ),
    "of a huge shape": (
        bytes(8),
        a.call(a.name("numpy", "dtype"), "f8"),
        (2**60,),
        "C",
    ),
    "in an order of its own": (
        bytes(8),
        a.call(a.name("numpy", "dtype"), "f8"),
        (1,),
        "Z",
    ),
}.items():

    def _from_buffer(marker: Path, arguments: Any = _arguments) -> bytes:
        make = a.name("numpy._core.numeric", "_frombuffer")
        return _with_coefficients(a.call(make, *arguments))

    add(ADDRESSES, f"array from a buffer {_name}", _from_buffer)


@hostile(ADDRESSES)
def _masked_array_with_a_short_mask(marker: Path) -> bytes:
    make = a.name("numpy.ma.core", "_mareconstruct")
    masked, plain = a.name("numpy.ma", "MaskedArray"), a.name("numpy", "ndarray")
    made = a.call(make, masked, plain, (0,), b"b")
    state = (1, (9,), a.dtype("f8"), False, bytes(72), b"\1", None)
    return _with_coefficients(a.build(made, state))


@hostile(ADDRESSES)
def _array_of_dill_with_any_state(marker: Path) -> bytes:
    make = a.name("dill._dill", "_create_array")
    reconstruct = a.name("numpy._core.multiarray", "_reconstruct")
    arguments = (a.name("numpy", "ndarray"), (0,), b"b")
    state = (1, (100,), a.dtype("f8"), False, bytes(8))
    return _with_coefficients(a.call(make, reconstruct, arguments, state))


@hostile(ADDRESSES)
def _array_of_dill_by_another_function(marker: Path) -> bytes:
    make = a.name("dill._dill", "_create_array")
    booster_ = a.name("xgboost.core", "Booster")
    return _with_coefficients(a.call(make, booster_, ({}, [], "/etc/passwd"), ()))


@hostile(ADDRESSES)
def _arrow_array_with_short_buffers(marker: Path) -> bytes:
    buffer = a.call(a.name("pyarrow.lib", "py_buffer"), b"A")
    text = a.call(a.name("pyarrow.lib", "type_for_alias"), "string")
    data: Any = (text, 100, 0, 0, [None, buffer, buffer], [], None, None)
    return a.program(a.call(a.name("pyarrow.lib", "_restore_array"), data))


@hostile(ADDRESSES)
def _arrow_array_without_buffers(marker: Path) -> bytes:
    text = a.call(a.name("pyarrow.lib", "type_for_alias"), "string")
    data: Any = (text, 100, 0, 0, [], [], None)
    return a.program(a.call(a.name("pyarrow.lib", "_restore_array"), data))


@hostile(ADDRESSES)
def _block_of_a_table_of_another_shape(marker: Path) -> bytes:
    make = a.name("pandas._libs.internals", "_unpickle_block")
    block = a.call(make, a.array("f8", (1, 1), bytes(8)), slice_of(0, 10**6), 2)
    return a.program(
        a.call(a.name("pandas.core.internals.managers", "BlockManager"), (block,), [])
    )


def slice_of(start: int, stop: int) -> a.Code:
    return a.call(a.name("builtins", "slice"), start, stop, 1)


@hostile(ADDRESSES)
def _random_state_of_a_short_key(marker: Path) -> bytes:
    make = a.name("numpy.random._pickle", "__randomstate_ctor")
    state = {"key": a.array("u4", (2,), bytes(8)), "pos": 10**9}
    whole = {"bit_generator": "MT19937", "state": state, "has_gauss": 0, "gauss": 0.0}
    pipeline = fitted("Ridge")
    pipeline.steps[1][1].random_state = a.build(a.call(make, "MT19937"), whole)
    return a.dumps(pipeline)


@hostile(ADDRESSES)
def _random_state_made_by_any_function(marker: Path) -> bytes:
    make = a.name("numpy.random._pickle", "__randomstate_ctor")
    return a.program(a.call(make, "MT19937", a.name("builtins", "bytearray")))


# Nodes and indices


def _far_sparse(indices: list[int], starts: list[int], shape: Any = (1, 2)) -> a.Code:
    kind = a.new(a.name("scipy.sparse._csr", "csr_matrix"))
    state = {
        "_shape": shape,
        "maxprint": 50,
        "indices": _ints(indices, "i4"),
        "indptr": _ints(starts, "i4"),
        "data": a.array("f8", (len(indices),), bytes(8 * len(indices))),
        "_has_sorted_indices": True,
        "_has_canonical_format": True,
    }
    return a.build(kind, state)


def _ints(values: list[int], kind: str = "i8") -> a.Code:
    return a.array(kind, (len(values),), np.array(values, kind).tobytes())


for _name, _sparse in {
    "with far columns": _far_sparse([10**9, 0], [0, 2]),
    "with negative columns": _far_sparse([-(10**9), 0], [0, 2]),
    "with far rows": _far_sparse([0, 1], [0, 10**9]),
    "with falling rows": _far_sparse([0, 1], [2, 0]),
    "with too few rows": _far_sparse([0, 1], [0]),
    "of a huge shape": _far_sparse([0], [0, 1], (2**40, 2**40)),
    "of a negative shape": _far_sparse([0], [0, 1], (-1, -1)),
}.items():

    def _sparse_coefficients(marker: Path, made: Any = _sparse) -> bytes:
        pipeline = fitted("LogisticRegression", labels=True)
        pipeline.steps[1][1].coef_ = made
        return a.dumps(pipeline)

    add(NODES, f"sparse matrix {_name}", _sparse_coefficients)


def _bent_tree(kind: str, changed: Any, attribute: str = "nodes") -> Any:
    """Return a builder of a tree with another state."""

    def build(marker: Path) -> bytes:
        pipeline = fitted(kind, max_depth=3)
        estimator = pipeline.steps[1][1]
        make, arguments, state = estimator.tree_.__reduce__()
        state = changed(dict(state))
        estimator.tree_ = _Bent(make, arguments, state)
        return a.dumps(pipeline)

    return build


class _Bent:
    """Pickles as a call with a state."""

    def __init__(self, make: Any, arguments: Any, state: Any) -> None:
        self.reduced = (make, arguments, state)

    def __reduce__(self) -> Any:
        return self.reduced


def _nodes(field: str, value: Any, which: Any = 0) -> Any:
    def changed(state: dict[str, Any]) -> dict[str, Any]:
        nodes = state["nodes"].copy()
        nodes[field][which] = value
        return {**state, "nodes": nodes}

    return changed


def _values(shape: Any) -> Any:
    return lambda state: {**state, "values": np.zeros(shape)}


for _name, _changed in {
    "whose child is itself": _nodes("left_child", 0),
    "whose children are itself": _nodes("right_child", 0, slice(None)),
    "whose child is far": _nodes("left_child", 10**9),
    "whose child is before it": _nodes("left_child", -5),
    "whose feature is far": _nodes("feature", 10**9),
    "whose feature is negative": _nodes("feature", -10, 0),
    "with too few values": _values((1, 1, 1)),
    "with values of another shape": _values((15, 3, 7)),
    "that says it has more nodes": lambda state: {**state, "node_count": 10**9},
    "without nodes": lambda state: {**state, "nodes": state["nodes"][:0]},
    "with nodes of another kind": lambda state: {**state, "nodes": np.zeros(15)},
    "with nodes of objects": lambda state: {
        **state,
        "nodes": state["nodes"].astype(object),
    },
    "with a depth beyond all": lambda state: {**state, "max_depth": 2**31 - 1},
}.items():
    add(NODES, f"tree {_name}", _bent_tree("DecisionTreeRegressor", _changed))


def _tree_of_a_million_outputs(marker: Path) -> bytes:
    pipeline = fitted("DecisionTreeRegressor", max_depth=3)
    estimator = pipeline.steps[1][1]
    make, (n_features, n_classes, _), state = estimator.tree_.__reduce__()
    estimator.tree_ = _Bent(make, (n_features, n_classes, 10**9), state)
    return a.dumps(pipeline)


add(NODES, "tree of a million outputs", _tree_of_a_million_outputs)


def _bent_predictor(field: str, value: Any) -> Any:
    def build(marker: Path) -> bytes:
        pipeline = fitted("HistGradientBoostingRegressor", max_iter=2)
        predictor = pipeline.steps[1][1]._predictors[0][0]
        predictor.nodes[field][0] = value
        if field == "bitset_idx":
            predictor.nodes["is_categorical"][0] = 1
        return a.dumps(pipeline)

    return build


for _field, _value in {
    "left": 0,
    "right": 10**9,
    "feature_idx": 10**6,
    "bitset_idx": 10**9,
}.items():
    add(NODES, f"histogram node with a far {_field}", _bent_predictor(_field, _value))


@hostile(NODES)
def _histogram_of_objects(marker: Path) -> bytes:
    pipeline = fitted("HistGradientBoostingRegressor", max_iter=2)
    predictor = pipeline.steps[1][1]._predictors[0][0]
    predictor.nodes = a.array("O8", (1,), [None])
    return a.dumps(pipeline)


@hostile(NODES)
def _histogram_with_a_small_node(marker: Path) -> bytes:
    pipeline = fitted("HistGradientBoostingRegressor", max_iter=2)
    predictor = pipeline.steps[1][1]._predictors[0][0]
    predictor.nodes = a.array("f8", (7,), bytes(56))
    return a.dumps(pipeline)


def _bent_neighbours(place: int, value: Any) -> Any:
    """Return a builder of a tree of neighbours with another piece of its state."""

    def build(marker: Path) -> bytes:
        pipeline = fitted("KNeighborsRegressor", algorithm="kd_tree")
        estimator = pipeline.steps[1][1]
        make, arguments, state = estimator._tree.__reduce__()
        bent = (*state[:place], value, *state[place + 1 :])
        estimator._tree = _Bent(make, arguments, bent)
        return a.dumps(pipeline)

    return build


_pieces_of_neighbours: dict[str, Any] = {
    "indices that are far": (1, np.full(60, 10**12)),
    "indices that are negative": (1, np.full(60, -(10**12))),
    "too few indices": (1, np.zeros(1, np.int64)),
    "too few data": (0, np.zeros((1, 2))),
    "data of another width": (0, np.zeros((60, 9))),
    "too few bounds": (3, np.zeros((2, 1, 1))),
    "a leaf size of nothing": (4, 0),
    "levels without end": (5, 60),
    "nodes without end": (6, 2**40),
}
for _name, (_place, _value) in _pieces_of_neighbours.items():
    add(NODES, f"neighbours with {_name}", _bent_neighbours(_place, _value))


@hostile(NODES)
def _neighbours_with_far_nodes(marker: Path) -> bytes:
    pipeline = fitted("KNeighborsRegressor", algorithm="kd_tree")
    estimator = pipeline.steps[1][1]
    make, arguments, state = estimator._tree.__reduce__()
    nodes = np.array(state[2])
    nodes["idx_start"], nodes["idx_end"] = 0, 10**12
    estimator._tree = _Bent(make, arguments, (*state[:2], nodes, *state[3:]))
    return a.dumps(pipeline)


@hostile(NODES)
def _tree_that_was_never_filled(marker: Path) -> bytes:
    pipeline = fitted("KNeighborsRegressor", algorithm="kd_tree")
    make = a.name("sklearn.neighbors._kd_tree", "newObj")
    kind = a.name("sklearn.neighbors._kd_tree", "KDTree")
    pipeline.steps[1][1]._tree = a.call(make, kind)
    return a.dumps(pipeline)


def _bent_machine(**attributes: Any) -> Any:
    def build(marker: Path) -> bytes:
        pipeline = fitted("SVR")
        vars(pipeline.steps[1][1]).update(attributes)
        return a.dumps(pipeline)

    return build


_bent_attributes: dict[str, dict[str, Any]] = {
    "too few support vectors": {"support_vectors_": np.zeros((1, 2))},
    "too few coefficients": {"_dual_coef_": np.zeros((1, 1))},
    "support without end": {"_n_support": np.array([10**9, 10**9], np.int32)},
    "a negative support": {"_n_support": np.array([-5, -5], np.int32)},
    "no intercept": {"_intercept_": np.zeros(0)},
    "a kernel of a huge degree": {"kernel": "poly", "degree": 2**31 - 1},
    "a shape of fit that lies": {"shape_fit_": (1, 1)},
}
for _name, _attributes in _bent_attributes.items():
    add(NODES, f"support vectors with {_name}", _bent_machine(**_attributes))


@hostile(NODES)
def _spline_of_a_negative_degree(marker: Path) -> bytes:
    return _bent_spline(k=-3)


@hostile(NODES)
def _spline_of_a_huge_degree(marker: Path) -> bytes:
    return _bent_spline(k=10**9)


@hostile(NODES)
def _spline_of_falling_knots(marker: Path) -> bytes:
    return _bent_spline(t=np.array([9.0, 1.0]))


@hostile(NODES)
def _spline_of_too_few_coefficients(marker: Path) -> bytes:
    return _bent_spline(c=np.zeros((1, 1)))


def _bent_spline(**changed: Any) -> bytes:
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import SplineTransformer

    splines = SplineTransformer(3).fit(numbers())
    vars(splines.bsplines_[0]).update(changed)
    names = {"k": "k", "t": "_t", "c": "_c"}
    for name, value in changed.items():
        for each in (name, names[name]):
            if each in vars(splines.bsplines_[0]):
                vars(splines.bsplines_[0])[each] = value
    return a.dumps(Pipeline([("s", splines), *fitted("Ridge").steps]))


for _name, _shape in {
    "a huge number of dimensions": (1,) * 32,
    "another width": (7,),
    "nothing": (0,),
    "a huge stride": (2, 3, 4),
}.items():

    def _shaped(marker: Path, shape: Any = _shape) -> bytes:
        pipeline = fitted("Ridge")
        pipeline.steps[1][1].coef_ = np.zeros(shape)
        return a.dumps(pipeline)

    add(NODES, f"coefficients of {_name}", _shaped)


# Boosters


def _lightgbm(*changes: tuple[str, str]) -> bytes:
    made = booster("lightgbm")
    text = made._Booster.model_to_string()
    for old, new in changes:
        head, found, tail = text.partition(f"\n{old}=")
        if not found:
            raise ValueError(f"LightGBM writes no {old}")
        text = f"{head}\n{old}={new}\n{tail.partition(chr(10))[2]}"
    state = made._Booster.__getstate__()
    state["_handle"] = text
    kind = a.new(a.name("lightgbm.basic", "Booster"))
    made._Booster = a.build(kind, a.Code(a.dumps(state)[2:-1]))
    return a.dumps(made)


for _name, _changes in {
    "a far feature": [("split_feature", "99999999 " * 20)],
    "a negative feature": [("split_feature", "-5 " * 20)],
    "leaves without end": [("num_leaves", "1000000000")],
    "negative leaves": [("num_leaves", "-7")],
    "a child that is far": [("left_child", "99999999 " * 20)],
    "a child that is its parent": [("left_child", "0 " * 20)],
    "features without end": [("max_feature_idx", "2147483647")],
    "classes without end": [("num_tree_per_iteration", "1000000000")],
    "no classes": [("num_tree_per_iteration", "0")],
    "an objective to look for": [("objective", "/etc/passwd")],
    "sizes that lie": [("tree_sizes", "1 1")],
}.items():

    def _bent_lightgbm(marker: Path, changes: Any = tuple(_changes)) -> bytes:
        return _lightgbm(*changes)

    add(BOOSTERS, f"LightGBM with {_name}", _bent_lightgbm)


def _xgboost(changed: Any) -> Any:
    """Return a builder of a booster whose model, as JSON, is another."""

    def build(marker: Path) -> bytes:
        made = booster("xgboost")
        inner = made.get_booster()
        model = json.loads(inner.save_raw("json"))
        config = json.loads(inner.save_config())
        changed(model["learner"])
        whole = {"Config": config, "Model": model}
        state = {**vars(inner), "handle": bytearray(json.dumps(whole).encode())}
        kind = a.new(a.name("xgboost.core", "Booster"))
        made._Booster = a.build(kind, _unframed(state))
        return a.dumps(made)

    return build


def _unframed(state: Any) -> a.Code:
    """Return the code of a state; protocol 3 has no frames and no memo to share."""
    pieces = {
        key: a.call(a.name("builtins", "bytearray"), bytes(each))
        if isinstance(each, bytearray)
        else each
        for key, each in state.items()
    }
    return a.mapped(pieces)


def _trees(field: str, value: Any) -> Any:
    def changed(learner: Any) -> None:
        booster_ = learner["gradient_booster"]
        tree = booster_["model"]["trees"][0]
        tree[field] = (
            [value] * len(tree[field]) if isinstance(tree[field], list) else value
        )

    return changed


_bent_fields: dict[str, Any] = {
    "left_children": 10**9,
    "right_children": 0,
    "parents": -5,
    "split_indices": 10**9,
    "split_conditions": 1e308,
    "split_type": 7,
    "categories": 5,
    "categories_sizes": 10**9,
}
for _field, _value in _bent_fields.items():
    add(BOOSTERS, f"XGBoost with far {_field}", _xgboost(_trees(_field, _value)))


@hostile(BOOSTERS)
def _xgboost_of_features_without_end(marker: Path) -> bytes:
    def changed(learner: Any) -> None:
        learner["learner_model_param"]["num_feature"] = "4294967295"

    return bytes(_xgboost(changed)(marker))


@hostile(BOOSTERS)
def _xgboost_of_json_in_json(marker: Path) -> bytes:
    """A reader that calls itself for each bracket runs out of stack."""
    made = booster("xgboost")
    inner = vars(made.get_booster())
    deep = bytearray(b'{"Model":' + b"[" * 1_000_000)
    kind = a.new(a.name("xgboost.core", "Booster"))
    made._Booster = a.build(kind, _unframed({**inner, "handle": deep}))
    return a.dumps(made)


def _flipped(library: str, position: float, byte: int) -> Any:
    """Return a builder of a booster with one other byte in it."""

    def build(marker: Path) -> bytes:
        made = booster(library)
        content = bytearray(a.dumps(made))
        content[int(len(content) * position)] ^= byte
        return bytes(content)

    return build


for _library in ("catboost", "lightgbm", "xgboost"):
    for _percent in (35, 50, 65, 80):
        _name = f"{_library} with another byte at {_percent} %"
        add(BOOSTERS, _name, _flipped(_library, _percent / 100, 0x55))
