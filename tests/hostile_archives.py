"""Archives of skops that do what its audit did not foresee, or foresaw too late."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from tests import assembler as a
from tests.hostile_file import add, fitted, hostile

NODES = "a node of skops"
ARCHIVE = "an archive of skops"

MIB = 2**20

MATRIX = np.arange(3.0)


def _array_file(content: Any = MATRIX) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, content)
    return buffer.getvalue()


def _function(module: str, name: str) -> dict[str, Any]:
    return a.node("FunctionNode", module, name)


def _partial(function: dict[str, Any], *arguments: Any) -> dict[str, Any]:
    pieces = {"func": function, "args": arguments, "kwds": {}, "namespace": {}}
    content = {key: a.plain_node(each) for key, each in pieces.items()}
    return a.node("PartialNode", "functools", "partial", content=content)


def _ridge(**state: Any) -> dict[str, Any]:
    honest = {"coef_": [1.0], "intercept_": 0.0, "_sklearn_version": "1.9.1"}
    return a.object_node("sklearn.linear_model._ridge", "Ridge", {**honest, **state})


def _touch(marker: Path) -> str:
    return f"touch '{marker}'"


def _archived(schema: Callable[[Path], dict[str, Any]]) -> Callable[[Path], bytes]:
    return lambda marker: a.skops(schema(marker))


SCHEMAS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "skops function that runs a shell": lambda _: _function("os", "system"),
    "skops partial of a shell": lambda marker: _partial(
        _function("os", "system"), _touch(marker)
    ),
    "skops type that is a function": lambda _: a.node("TypeNode", "os", "system"),
    # CVE-2025-54412: the audit looked at one name, the loader took another
    "skops operator that calls a method": lambda marker: a.node(
        "OperatorFuncNode",
        *("operator", "methodcaller"),
        attrs=a.plain_node(("system", _touch(marker))),
    ),
    "skops operator under another module": lambda marker: a.node(
        "OperatorFuncNode",
        *("sklearn.linear_model._ridge", "Ridge"),
        attrs=a.plain_node(("system", _touch(marker))),
    ),
    "skops operator that is called at once": lambda marker: a.node(
        "OperatorFuncNode",
        *("operator", "call"),
        attrs=a.plain_node((_function("os", "system"), _touch(marker))),
    ),
    # CVE-2025-54413: a method of an instance reached dunders
    "skops method that reaches globals": lambda _: a.node(
        "MethodNode",
        *("sklearn.linear_model._ridge", "Ridge"),
        content={"obj": _ridge(), "func": "__init__"},
    ),
    "skops method under another class": lambda _: a.node(
        "MethodNode",
        *("builtins", "int"),
        content={"obj": _ridge(), "func": "__reduce__"},
    ),
    "skops method that writes a file": lambda _: a.node(
        "MethodNode",
        *("sklearn.linear_model._ridge", "Ridge"),
        content={"obj": _ridge(), "func": "fit"},
    ),
    "skops constructor that runs": lambda marker: a.node(
        "ConstructorFromReduceNode",
        *("subprocess", "Popen"),
        content=a.plain_node((["touch", str(marker)],)),
    ),
    "skops constructor that opens a file": lambda marker: a.node(
        "ConstructorFromReduceNode",
        *("io", "FileIO"),
        content=a.plain_node((str(marker), "w")),
    ),
    "skops object of a class that runs": lambda marker: a.object_node(
        "subprocess", "Popen", {"args": ["touch", str(marker)]}
    ),
    "skops object of the script": lambda _: a.object_node("__main__", "Model", {}),
    "skops list of another type": lambda _: a.node(
        "ListNode", "os", "listdir", content=[a.plain_node("/")]
    ),
    "skops dict of another type": lambda _: {**a.plain_node({}), "__module__": "os"},
    "skops loss that is a process": lambda marker: a.node(
        "LossNode",
        *("subprocess", "Popen"),
        __reduce__={"args": a.plain_node((["touch", str(marker)],))},
        content=a.plain_node({}),
    ),
    "skops tree made by another function": lambda marker: a.node(
        "TreeNode",
        *("subprocess", "Popen"),
        __reduce__={"args": a.plain_node((2, np.array([1]).tolist(), 1))},
        content=a.plain_node({}),
    ),
    "skops generator that calls any function": lambda _: a.node(
        "RandomGeneratorNode",
        *("numpy.random._generator", "Generator"),
        content={
            "bit_generator": a.plain_node({"bit_generator": "seed", "state": {}}),
            "seed_seq": a.plain_node({}),
        },
    ),
    "skops constant that is no JSON": lambda _: a.node(
        "JsonNode", "builtins", "int", content="9" * 10_000
    ),
    "skops constant that is no text": lambda _: a.node(
        "JsonNode", "builtins", "int", content=7
    ),
    "skops node of an unknown kind": lambda _: a.node("EvilNode", "os", "system"),
    "skops node of another protocol": lambda marker: {
        **_partial(_function("os", "system"), _touch(marker)),
        "protocol": 0,
    },
    "skops node of a protocol to come": lambda _: {**_ridge(), "protocol": 99},
    "skops node of a negative protocol": lambda _: {**_ridge(), "protocol": -1},
    "skops node without a class": lambda _: {"__loader__": "ObjectNode"},
    "skops node that was never seen": lambda _: a.node(
        "CachedNode", "builtins", "int", __id__=7
    ),
    "skops node that holds itself": lambda _: {
        **a.plain_node([{**a.node("CachedNode", "x", "y"), "__id__": 7}]),
        "__id__": 7,
    },
    "skops file outside the archive": lambda _: a.node(
        "NdArrayNode", "numpy", "ndarray", type="numpy", file="../../../etc/passwd"
    ),
    "skops file that is not there": lambda _: a.node(
        "NdArrayNode", "numpy", "ndarray", type="numpy", file="nothing.npy"
    ),
    # allowed by our list, though skops itself distrusts them (point 3 of the issue)
    "skops attribute that is a function": lambda _: _ridge(
        predict=_function("numpy", "log1p")
    ),
    "skops partial of a check": lambda marker: _ridge(
        alpha=_partial(
            _function("sklearn.utils.validation", "check_array"), str(marker)
        )
    ),
    "skops scorer": lambda _: _ridge(
        alpha=a.object_node("sklearn.metrics._scorer", "_Scorer", {})
    ),
    "skops attribute with an array interface": lambda _: _ridge(
        coef_=_ridge(__array_interface__={"data": [4096, False], "version": 3})
    ),
    "skops version in an escape sequence": lambda _: _ridge(
        _sklearn_version="1.5.2\x1b[2J"
    ),
    "skops version that is no text": lambda _: _ridge(_sklearn_version=["1.5.2"]),
    "skops version that is an option of pip": lambda _: _ridge(
        _sklearn_version="--index-url=http://127.0.0.1:9"
    ),
    "skops name with an escape sequence": lambda _: _function("os", "x\x1b[2J"),
    "skops name with a command to paste": lambda marker: _function(
        "os", f"x; touch {marker} #"
    ),
    "skops range as members": lambda _: _ridge(
        coef_=a.node(
            "ConstructorFromReduceNode",
            *("builtins", "range"),
            content=a.plain_node((10**12,)),
        )
    ),
}

for _name, _schema in SCHEMAS.items():
    add(NODES, _name, _archived(_schema))


def _with_array(content: bytes) -> bytes:
    array = a.node("NdArrayNode", "numpy", "ndarray", type="numpy", file="1.npy")
    return a.skops(_ridge(coef_=array), {"1.npy": content})


def _filed(content: bytes) -> Callable[[Path], bytes]:
    return lambda marker: _with_array(content)


def _npy(descr: str, shape: str, content: bytes = bytes(24)) -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"
    length = len(head).to_bytes(2, "little")
    return b"\x93NUMPY\1\0" + length + head.encode() + content


for _name, _file in {
    "objects": _npy("'|O'", "(1,)", b"cos\nsystem\n(S'true'\ntR."),
    "a negative shape": _npy("'<f8'", "(-3,)"),
    "a huge shape": _npy("'<f8'", "(10**15,)".replace("10**15", str(10**15))),
    "a shape that is computed": _npy("'<f8'", "(9**9**9,)"),
    "a head that calls": _npy("__import__('os').system('true')", "(3,)"),
    "a head of brackets": _npy("'<f8'", "(" * 30_000),
    "a field far away": _npy("[('a', '<f8', (2**30,))]", "(1,)"),
    "no head": b"\x93NUMPY\1\0",
    "a version to come": b"\x93NUMPY\x63\0" + bytes(64),
    "a pickle": a.program(a.call(a.name("os", "system"), "true")),
}.items():
    add(ARCHIVE, f"skops array with {_name}", _filed(_file))


@hostile(ARCHIVE)
def _skops_schema_of_a_gigabyte_of_spaces(marker: Path) -> bytes:
    return a.zip_bomb("schema.json", b" " * MIB, 1400)


@hostile(ARCHIVE)
def _skops_schema_of_a_gigabyte_of_brackets(marker: Path) -> bytes:
    return a.zip_bomb("schema.json", b"[" * MIB, 1400)


@hostile(ARCHIVE)
def _skops_schema_with_a_bad_checksum(marker: Path) -> bytes:
    return a.zip_bomb("schema.json", json.dumps(_ridge()).encode(), 1, checksum=1)


@hostile(ARCHIVE)
def _skops_schema_a_hundred_thousand_deep(marker: Path) -> bytes:
    return a.skops(b'{"protocol": 2, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@hostile(ARCHIVE)
def _skops_schema_that_is_a_list(marker: Path) -> bytes:
    return a.skops(b"[]")


@hostile(ARCHIVE)
def _skops_schema_that_is_no_json(marker: Path) -> bytes:
    return a.skops(b"\xff\xfe{")


@hostile(ARCHIVE)
def _skops_schema_with_a_number_without_end(marker: Path) -> bytes:
    return a.skops(b'{"protocol": ' + b"9" * 100_000 + b"}")


@hostile(ARCHIVE)
def _skops_schema_with_repeated_keys(marker: Path) -> bytes:
    honest = json.dumps({"protocol": 2, **_ridge()})[1:]
    system = json.dumps({"protocol": 2, **_function("os", "system")})[:-1]
    return a.skops(f"{system}, {honest}".encode())


@hostile(ARCHIVE)
def _skops_archive_with_two_schemas(marker: Path) -> bytes:
    """One reader takes the first of a name, another the last."""
    honest = json.dumps({"protocol": 2, **_ridge()}).encode()
    other = {"protocol": 2, **_partial(_function("os", "system"), _touch(marker))}
    return a.archive(
        [("schema.json", json.dumps(other).encode()), ("schema.json", honest)]
    )


@hostile(ARCHIVE)
def _skops_archive_of_a_million_files(marker: Path) -> bytes:
    schema = json.dumps({"protocol": 2, **_ridge()}).encode()
    files = [(f"{number}.npy", b"") for number in range(20_000)]
    return a.archive([("schema.json", schema), *files])


@hostile(ARCHIVE)
def _skops_archive_with_names_that_climb(marker: Path) -> bytes:
    schema = json.dumps({"protocol": 2, **_ridge()}).encode()
    return a.archive({"schema.json": schema, f"../../..{marker}": b"x"})


@hostile(ARCHIVE)
def _skops_archive_that_is_encrypted(marker: Path) -> bytes:
    content = bytearray(a.skops(_ridge()))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


@hostile(ARCHIVE)
def _skops_archive_that_was_cut(marker: Path) -> bytes:
    return a.skops(_ridge())[:-30]


@hostile(ARCHIVE)
def _skops_array_of_a_gigabyte(marker: Path) -> bytes:
    bomb = a.zip_bomb("1.npy", bytes(MIB), 1400, checksum=0)
    array = a.node("NdArrayNode", "numpy", "ndarray", type="numpy", file="1.npy")
    schema = json.dumps({"protocol": 2, **_ridge(coef_=array)}).encode()
    buffer = io.BytesIO(bomb)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("schema.json", schema)
    # unpack knows a skops archive by its first bytes and its names
    return buffer.getvalue()


def _bent_skops(old: bytes, new: bytes, kind: str = "Ridge") -> Any:
    def build(marker: Path) -> bytes:
        with zipfile.ZipFile(io.BytesIO(skops.io.dumps(fitted(kind)))) as archive:
            files = {each: archive.read(each) for each in archive.namelist()}
        if old not in files["schema.json"]:
            raise ValueError(f"skops writes no {old!r}")
        files["schema.json"] = files["schema.json"].replace(old, new)
        return a.archive(files)

    return build


for _name, _old, _new in [
    ("skops pipeline of steps that are a function", b'"steps"', b'"predict"'),
    ("skops pipeline whose class is another", b'"Pipeline"', b'"FeatureUnion"'),
    ("skops pipeline whose scaler is a model", b'"StandardScaler"', b'"Ridge"'),
    ("skops pipeline under a private module", b"sklearn.pipeline", b"sklearn.base"),
]:
    add(NODES, _name, _bent_skops(_old, _new))
