"""Reads a skops file into the tree of what is written; makes nothing that it names.

A skops file is an archive with `schema.json`, a tree of nodes in which each says how it
is to be loaded, and arrays beside it. Each node becomes what a pickle of the same object
has, so that whoever builds does not know which of the two was read.

What all of it would take is measured first; then skops' own audit, which makes nothing
either, lists the types that skops does not trust.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.archive import Archive
from convert.saved.budget import LIMITS, Limits, Spending
from convert.saved.calls import Reader as CallReader
from convert.saved.calls import spelled_out
from convert.saved.damage import NO_SENSE, Damaged
from convert.saved.extent import BRANCHES, Extent
from convert.saved.joblib_array import count_items
from convert.saved.keys import Keys
from convert.saved.npy import read_npy, write_dtype
from convert.saved.scan import NONSENSE, Findings, Written
from convert.saved.skops_schema import read_schema
from convert.saved.sparse import read_npz
from convert.saved.written import Made, Name, RawArray

Node = dict[str, Any]

UNFINISHED = object()
"""Stands for a node while what is in it is read."""

OF_CYTHON = {
    "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._dist_metrics",
    "sklearn.neighbors._kd_tree",
}
"""Modules whose classes a pickle makes with the module's own ``newObj``."""

CONSTANTS = frozenset({str, int, float, bool, type(None)})

BIT_GENERATORS = {
    "MT19937": "_mt19937",
    "PCG64": "_pcg64",
    "PCG64DXSM": "_pcg64",
    "Philox": "_philox",
    "SFC64": "_sfc64",
}
"""Name → the module of numpy.random that has it."""

KEYS: Mapping[str, Callable[[str], Any]] = {
    "builtins.str": str,
    "builtins.int": int,
    "builtins.float": float,
}


def read_skops(content: bytes, limits: Limits = LIMITS) -> Written:
    """Read a skops archive without making what it names.

    Returns
    -------
    Written
        Its imports are what skops does not trust.

    Raises
    ------
    Unreadable
        Its parts are too deep inside each other.
    Damaged
        It is not whole.
    Refusal
        Reading it takes more than `limits`, or it holds what no loader is known for.
    ImportError
        skops is not installed.
    """
    import skops.io

    findings = Findings()
    archive = Archive(content, limits)
    try:
        tree = _read_tree(archive, findings, len(content), limits)
        names = skops.io.get_untrusted_types(data=content)
    except (Damaged, Refusal):
        raise
    except RecursionError as error:
        raise Unreadable("its parts are too deep inside each other") from error
    except NONSENSE as error:
        raise Damaged(NO_SENSE) from error
    untrusted = [
        (module, name) for module, _, name in (n.rpartition(".") for n in names)
    ]
    return findings.written(tree, imports=untrusted, readers=("skops",))


def _read_tree(
    archive: Archive, findings: Findings, n_bytes: int, limits: Limits
) -> Any:
    schema = read_schema(archive, n_bytes, limits)
    spending = Spending(len(schema), limits, limits.unpacked_bytes_of(n_bytes))
    reader = _Reader(archive, findings, spending)
    root = json.loads(schema)
    reader.protocol = root.get("protocol")
    tree = reader.read(root)
    Extent(reader.shared, spending.most_parts, limits).check(tree)
    return tree


class _Reader:
    def __init__(
        self, archive: Archive, findings: Findings, spending: Spending
    ) -> None:
        self.archive = archive
        self.findings = findings
        self.spending = spending
        self.name_bytes = spending.limits.name_bytes
        self.keys = Keys(spending)
        self.calls = CallReader(self.find, spending, self.keys)
        self.memo: dict[int, Any] = {}
        self.protocol: Any = None
        self.shared: dict[int, Any] = {}

    def read(self, node: Any) -> Any:
        """Return the tree of a node; of one that was there before, the same one.

        Raises
        ------
        Damaged
            If its number is none.
        """
        self.spending.step(1)
        key = node.get("__id__")
        if key is None:
            return self._load(node)
        if type(key) is not int or key <= 0:
            raise Damaged("it numbers a part with what is no number")
        if key in self.memo:
            return self._again(key)
        self.memo[key] = UNFINISHED
        self.memo[key] = self._load(node)
        return self.memo[key]

    def _again(self, key: int) -> Any:
        thing = self.memo[key]
        if thing is UNFINISHED:
            raise Unreadable("a part of it is inside itself: save it with joblib.dump")
        if type(thing) in BRANCHES:
            self.shared[id(thing)] = thing
        return thing

    def _load(self, node: Node) -> Any:
        loader = node["__loader__"]
        if loader not in LOADERS:
            raise Unreadable(
                f"it has a part of a kind that is not known here ({loader!r:.60}): save "
                "it with joblib.dump"
            )
        thing = LOADERS[loader](self, node)
        if type(thing) in BRANCHES:
            self.spending.branches += 1
        return thing

    def find(self, module: Any, name: Any) -> Name:
        """Return the node of a name.

        Raises
        ------
        Damaged
            If the module or the name is no text, or has more than `name_bytes` letters.
        """
        if type(module) is not str or type(name) is not str:
            raise Damaged("a name in it is no text")
        if max(len(module), len(name)) > self.name_bytes:
            raise Damaged(f"a name in it has more than {self.name_bytes} letters")
        return self.findings.find(module, name)

    def named(self, node: Node) -> Name:
        """Return the class or the function that a node is of."""
        return self.find(node["__module__"], node["__class__"])

    def read_all(self, nodes: Any) -> list[Any]:
        """Return the trees of a list of nodes.

        Raises
        ------
        Damaged
            If they are no list.
        """
        if type(nodes) is not list:
            raise Damaged(NO_SENSE)
        return [self.read(node) for node in nodes]

    def member(self, node: Node) -> bytes:
        """Return the bytes beside the schema that a node refers to."""
        name = node["file"]
        self.spending.copy(self.archive.sizes.get(name, 0))
        return self.archive.read(name)

    def made(self, made: Made) -> Any:
        """Take note of what is made, and return what it stands for."""
        self.findings.called(made)
        for state in made.states:
            self.findings.filled(made, state)
        if made.how == "new" or type(made.maker) is not Name:
            return made
        return spelled_out(made, self.calls)


def _is(name: Name, text: str) -> bool:
    return str(name) == text


def _json(reader: _Reader, node: Node) -> Any:
    content = node["content"]
    if content.lstrip()[:1] in ("[", "{"):
        raise Damaged(NO_SENSE)
    value = json.loads(content)
    if type(value) not in CONSTANTS:
        raise Damaged(NO_SENSE)
    return value


def _list(reader: _Reader, node: Node) -> Any:
    items = reader.read_all(node["content"])
    kind = reader.named(node)
    if _is(kind, "builtins.list"):
        return items
    return reader.made(Made(kind, how="new", items=items))


def _tuple(reader: _Reader, node: Node) -> Any:
    items = tuple(reader.read_all(node["content"]))
    kind = reader.named(node)
    if _is(kind, "builtins.tuple"):
        return items
    return reader.made(Made(kind, items, how="new"))


def _set(reader: _Reader, node: Node) -> Any:
    items = reader.read_all(node["content"])
    return reader.made(Made(reader.named(node), (items,)))


def _dict(reader: _Reader, node: Node) -> Any:
    pairs = _pairs(reader, node)
    kind = reader.named(node)
    if _is(kind, "builtins.dict"):
        return dict(pairs)
    if _is(kind, "collections.OrderedDict"):
        return reader.made(Made(kind, pairs=pairs))
    return reader.made(Made(kind, how="new", pairs=pairs))


def _pairs(reader: _Reader, node: Node) -> list[tuple[Any, Any]]:
    kinds = reader.read(node["key_types"])
    content = node["content"]
    if type(content) is not dict or len(kinds) != len(content):
        raise Damaged("a dict in it has not as many kinds of keys as keys")
    keys = [_key(reader, *pair) for pair in zip(kinds, content, strict=True)]
    reader.keys.check(keys)
    values = [reader.read(value) for value in content.values()]
    return list(zip(keys, values, strict=True))


def _key(reader: _Reader, kind: Any, text: str) -> Any:
    """Return a key, of which JSON has kept the text.

    Raises
    ------
    Unreadable
        If the keys are of a kind that is not known here.
    """
    if str(kind) in KEYS:
        return KEYS[str(kind)](text)
    if type(kind) is Name and kind.module == "numpy":
        return _constant_of_numpy(reader, kind.name, text)
    raise Unreadable(f"it has a dict whose keys are {kind}: save it with joblib.dump")


def _constant_of_numpy(reader: _Reader, kind: str, text: str) -> Made:
    import numpy as np

    dtype = np.dtype(kind)
    if dtype.kind == "U":
        dtype = np.dtype(f"U{len(text)}")
        return _scalar(reader, write_dtype(dtype, reader.find), _wide(text))
    if dtype.kind == "b":  # skops itself reads each of them back as true
        raise Unreadable("it has a dict whose keys are true or false: use joblib.dump")
    if dtype.kind not in "iuf":
        raise Damaged("a key in it is of no kind that can be one")
    value = dtype.type(float(text) if dtype.kind == "f" else int(text))
    return _scalar(reader, write_dtype(dtype, reader.find), value.tobytes())


def _wide(text: str) -> bytes:
    """Return a text as numpy has it: four bytes for each character."""
    return text.encode("utf-32-le", "surrogatepass")


def _scalar(reader: _Reader, dtype: Any, content: bytes) -> Made:
    return Made(reader.find("numpy._core.multiarray", "scalar"), (dtype, content))


def _defaultdict(reader: _Reader, node: Node) -> Any:
    factory = reader.read(node["content"]["default_factory"])
    main = reader.read(node["content"]["main"])
    if type(main) is not dict:
        raise Damaged(NO_SENSE)
    kind = reader.find("collections", "defaultdict")
    arguments = () if factory is None else (factory,)
    return reader.made(Made(kind, arguments, pairs=list(main.items())))


def _bytes(reader: _Reader, node: Node) -> Any:
    return reader.member(node)


def _bytearray(reader: _Reader, node: Node) -> Any:
    return bytearray(reader.member(node))


def _slice(reader: _Reader, node: Node) -> Any:
    bounds = tuple(node["content"][key] for key in ("start", "stop", "step"))
    if not CONSTANTS.issuperset(map(type, bounds)):
        raise Damaged(NO_SENSE)
    return reader.made(Made(reader.find("builtins", "slice"), bounds))


def _name(reader: _Reader, node: Node) -> Any:
    if reader.protocol == 0:  # before skops 0.7
        function = node["content"]
        return reader.find(function["module_path"], function["function"])
    return reader.named(node)


def _partial(reader: _Reader, node: Node) -> Any:
    parts = ("func", "args", "kwds", "namespace")
    state = tuple(reader.read(node["content"][part]) for part in parts)
    maker = reader.find("functools", "partial")
    return reader.made(Made(maker, (state[0],), states=[state]))


def _method(reader: _Reader, node: Node) -> Any:
    owner = reader.read(node["content"]["obj"])
    maker = reader.find("builtins", "getattr")
    return reader.made(Made(maker, (owner, node["content"]["func"])))


def _operator(reader: _Reader, node: Node) -> Any:
    return reader.made(Made(reader.named(node), _arguments(reader, node["attrs"])))


def _constructor(reader: _Reader, node: Node) -> Any:
    return reader.made(Made(reader.named(node), _arguments(reader, node["content"])))


def _arguments(reader: _Reader, node: Node) -> tuple[Any, ...]:
    arguments = reader.read(node)
    if type(arguments) is not tuple:
        raise Damaged(NO_SENSE)
    return arguments


def _object(reader: _Reader, node: Node) -> Any:
    kind = reader.named(node)
    state = reader.read(node["content"]) if node.get("content") else None
    states = [] if state is None else [state]
    if kind.module in OF_CYTHON:
        maker = reader.find(kind.module, "newObj")
        return reader.made(Made(maker, (kind,), states=states))
    return reader.made(Made(kind, how="new", states=states))


def _reduced(reader: _Reader, node: Node) -> Any:
    """Read a tree or a loss, for which skops keeps what ``__reduce__`` says."""
    arguments = _arguments(reader, node["__reduce__"]["args"])
    state = reader.read(node["content"])
    states = [state] if state else []
    return reader.made(Made(reader.named(node), arguments, states=states))


def _array(reader: _Reader, node: Node) -> Any:
    if node["type"] == "json":
        return _array_of_objects(reader, node)
    array = read_npy(reader.member(node), reader.find)
    kind = reader.named(node)
    if str(kind) in ("numpy.ndarray", "numpy.memmap"):
        return array
    if kind.module == "numpy" and array.shape == ():
        _check_scalar(kind.name, array.dtype)
        return _scalar(reader, array.dtype, bytes(array.content))
    raise Unreadable(
        f"it has an array of a class of its own, {kind}: save a plain array"
    )


def _check_scalar(kind: str, dtype: Any) -> None:
    """Refuse a number of another class than its dtype, to which skops would change it.

    Raises
    ------
    Damaged
        If it is one.
    """
    import numpy as np

    kinds = {each.__name__: np.dtype(each).str[1:] for each in np.sctypeDict.values()}
    found = str(dtype.arguments[0]).lstrip("<>|=")
    is_text = kinds.get(kind) in ("U0", "S0") and found[:1] == kinds[kind][:1]
    if not is_text and kinds.get(kind) != found:
        raise Damaged(f"a {kind} in it is written as another kind of number")


def _array_of_objects(reader: _Reader, node: Node) -> Made:
    import numpy as np

    shape = reader.read(node["shape"])
    if type(shape) is not tuple or not shape or set(map(type, shape)) != {int}:
        raise Damaged("an array in it has no shape")
    reader.spending.step(count_items(shape))
    items = _flat(reader.read_all(node["content"]), shape)
    dtype = write_dtype(np.dtype("O"), reader.find)
    return _filled(reader, (1, shape, dtype, False, items))


def _flat(items: Any, shape: tuple[int, ...]) -> list[Any]:
    """Return the items of lists in lists, in the order of C.

    Raises
    ------
    Damaged
        If there are more or fewer items than the shape says.
    """
    if type(items) is not list or len(items) != shape[0]:
        raise Damaged("an array in it is longer or shorter than its shape")
    if len(shape) == 1:
        return items
    return [item for row in items for item in _flat(row, shape[1:])]


def _filled(reader: _Reader, state: tuple[Any, ...]) -> Made:
    maker = reader.find("numpy._core.multiarray", "_reconstruct")
    return Made(maker, (reader.find("numpy", "ndarray"), (0,), b"b"), states=[state])


def _masked_array(reader: _Reader, node: Node) -> Made:
    data = reader.read(node["content"]["data"])
    mask = reader.read(node["content"]["mask"])
    if isinstance(data, RawArray):
        is_fortran = data.order == "F"
        state = (1, data.shape, data.dtype, is_fortran, bytes(data.content))
    else:
        (state,) = data.states
    maker = reader.find("numpy.ma.core", "_mareconstruct")
    kinds = (reader.find("numpy.ma", "MaskedArray"), reader.find("numpy", "ndarray"))
    filled = (*state, _mask_bytes(mask, state), None)
    return Made(maker, (*kinds, (0,), "b"), states=[filled])


def _mask_bytes(mask: Any, state: tuple[Any, ...]) -> bytes:
    """Return a mask's bytes in the order of the values'; one for all is repeated."""
    import numpy as np

    _, shape, _, is_fortran, _ = state
    if isinstance(mask, RawArray) and mask.shape == shape:
        values: Any = np.ndarray(shape, bool, mask.content, order=mask.order)
        in_order: bytes = values.tobytes("F" if is_fortran else "C")
        return in_order
    _, value = mask.arguments
    return bytes(value) * count_items(shape)


def _sparse(reader: _Reader, node: Node) -> Any:
    kind = reader.named(node)
    state = read_npz(reader.member(node), kind.name, reader.find, reader.spending)
    return reader.made(Made(kind, how="new", states=[state]))


def _random_state(reader: _Reader, node: Node) -> Any:
    state = reader.read(node["content"])
    bits = {key: state[key] for key in ("bit_generator", "state")}
    maker = reader.find("numpy.random._pickle", "__randomstate_ctor")
    return reader.made(Made(maker, (_bit_generator(reader, bits),), states=[state]))


def _generator(reader: _Reader, node: Node) -> Any:
    bits = reader.read(node["content"]["bit_generator"])
    maker = reader.find("numpy.random._pickle", "__generator_ctor")
    return reader.made(Made(maker, (_bit_generator(reader, bits),)))


def _bit_generator(reader: _Reader, state: Any) -> Made:
    """Return a source of random bits; what seeded it matters to nobody who predicts."""
    name = state["bit_generator"]
    maker = reader.find("numpy.random._pickle", "__bit_generator_ctor")
    kind = reader.find(f"numpy.random.{BIT_GENERATORS[name]}", name)
    return Made(maker, (kind,), states=[(state, None)])


def _dtype(reader: _Reader, node: Node) -> Any:
    array = reader.read(node["content"])
    if isinstance(array, RawArray):
        return array.dtype
    ((_, _, dtype, *_),) = array.states
    return dtype


def _cached(reader: _Reader, node: Node) -> Any:
    raise Damaged("it refers to a part that is not there")


LOADERS: Mapping[str, Callable[[_Reader, Node], Any]] = {
    "BytearrayNode": _bytearray,
    "BytesNode": _bytes,
    "CachedNode": _cached,  # what is there is found by its number
    "ConstructorFromReduceNode": _constructor,
    "DTypeNode": _dtype,
    "DefaultDictNode": _defaultdict,
    "DictNode": _dict,
    "FunctionNode": _name,
    "JsonNode": _json,
    "ListNode": _list,
    "LossNode": _reduced,
    "MaskedArrayNode": _masked_array,
    "MethodNode": _method,
    "NdArrayNode": _array,
    "ObjectNode": _object,
    "OperatorFuncNode": _operator,
    "PartialNode": _partial,
    "RandomGeneratorNode": _generator,
    "RandomStateNode": _random_state,
    "SetNode": _set,
    "SliceNode": _slice,
    "SparseMatrixNode": _sparse,
    "TreeNode": _reduced,
    "TupleNode": _tuple,
    "TypeNode": _name,
}
