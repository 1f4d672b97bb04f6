"""Writes pickles, joblib files and skops archives that no library would write.

A program is put together from small pieces, each the code that leaves one thing on the
stack: ``program(call(name("os", "system"), "true"))``. Wherever a piece is wanted, a
plain Python value stands for the code that makes it. An honest object with pieces in
it becomes a file by `dumps`. Nothing here runs what it writes.
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DEFAULT_PROTOCOL = 4
SPLICED_PROTOCOL = 3
"""Up to it a pickle numbers what it remembers, so pieces that remember change none."""

STOP = b"."
MARK = b"("


class Code(bytes):
    """The instructions that leave one thing on the stack."""


def program(*things: Any, protocol: int | None = DEFAULT_PROTOCOL) -> bytes:
    """Return a whole pickle of what `things` leave on the stack; the last is its value.

    Without a `protocol` it does not say which it has, as protocols 0 and 1 do.
    """
    beginning = b"" if protocol is None else b"\x80" + bytes([protocol])
    return beginning + b"".join(map(value, things)) + STOP


def value(thing: Any) -> Code:
    """Return the code of a plain value, or the code itself."""
    if isinstance(thing, Code):
        return thing
    if type(thing) in _WRITERS:
        return _WRITERS[type(thing)](thing)
    raise TypeError(f"{type(thing).__name__} has no code: use dumps")


def text(thing: str) -> Code:
    content = thing.encode("utf-8", "surrogatepass")
    if len(content) < 256:
        return Code(b"\x8c" + bytes([len(content)]) + content)
    return Code(b"X" + struct.pack("<I", len(content)) + content)


def old_text(thing: str) -> Code:
    """Return a text as protocol 0 writes it, with escapes."""
    return Code(b"V" + thing.encode("raw_unicode_escape") + b"\n")


def escaped_text(thing: str) -> Code:
    r"""Return a text of protocol 0 in which every character is ``\uXXXX``."""
    return Code(b"V" + "".join(f"\\u{ord(c):04x}" for c in thing).encode() + b"\n")


def quoted(thing: str) -> Code:
    """Return a string of Python 2 in protocol 0."""
    return Code(b"S" + repr(thing).encode() + b"\n")


def blob(thing: bytes) -> Code:
    return Code(b"B" + struct.pack("<I", len(thing)) + thing)


def number(thing: int) -> Code:
    if 0 <= thing < 256:
        return Code(b"K" + bytes([thing]))
    if -(2**31) <= thing < 2**31:
        return Code(b"J" + struct.pack("<i", thing))
    content = pickle.encode_long(thing)
    if len(content) < 256:
        return Code(b"\x8a" + bytes([len(content)]) + content)
    return Code(b"\x8b" + struct.pack("<i", len(content)) + content)


def _real(thing: float) -> Code:
    return Code(b"G" + struct.pack(">d", thing))


def _truth(thing: bool) -> Code:
    return Code(b"\x88" if thing else b"\x89")


def _nothing(_: None) -> Code:
    return Code(b"N")


def listed(things: Iterable[Any]) -> Code:
    return Code(b"](" + b"".join(map(value, things)) + b"e")


def tupled(things: Iterable[Any]) -> Code:
    return Code(MARK + b"".join(map(value, things)) + b"t")


def mapped(things: Mapping[Any, Any]) -> Code:
    pairs = b"".join(value(key) + value(each) for key, each in things.items())
    return Code(b"}(" + pairs + b"u")


_WRITERS: dict[type, Callable[[Any], Code]] = {
    type(None): _nothing,
    bool: _truth,
    bytes: blob,
    dict: mapped,
    float: _real,
    int: number,
    list: listed,
    str: text,
    tuple: tupled,
}


def name(module: Any, attribute: Any) -> Code:
    """Import a name as protocol 4 does, from two texts on the stack."""
    return Code(value(module) + value(attribute) + b"\x93")


def old_name(module: str, attribute: str) -> Code:
    """Import a name as protocols 0 to 3 do, from two lines."""
    return Code(b"c" + f"{module}\n{attribute}\n".encode())


def call(function: Any, *arguments: Any) -> Code:
    """Call by REDUCE."""
    return Code(value(function) + tupled(arguments) + b"R")


def call_inst(module: str, attribute: str, *arguments: Any) -> Code:
    """Import and call by the INST of protocol 0."""
    given = b"".join(map(value, arguments))
    return Code(MARK + given + b"i" + f"{module}\n{attribute}\n".encode())


def call_obj(function: Any, *arguments: Any) -> Code:
    """Call by the OBJ of protocol 1."""
    return Code(MARK + value(function) + b"".join(map(value, arguments)) + b"o")


def new(kind: Any, *arguments: Any) -> Code:
    """Make an instance by NEWOBJ."""
    return Code(value(kind) + tupled(arguments) + b"\x81")


def new_ex(kind: Any, arguments: Any, keywords: Any) -> Code:
    """Make an instance by NEWOBJ_EX."""
    return Code(value(kind) + value(arguments) + value(keywords) + b"\x92")


def build(thing: Any, state: Any) -> Code:
    """Give a state by BUILD."""
    return Code(value(thing) + value(state) + b"b")


def popped(thing: Any) -> Code:
    """Make a thing and throw it away: code that leaves nothing."""
    return Code(value(thing) + b"0")


def put(thing: Any, place: int) -> Code:
    """Remember what a piece leaves."""
    return Code(value(thing) + b"r" + struct.pack("<I", place))


def get(place: int) -> Code:
    return Code(b"j" + struct.pack("<I", place))


def after(*things: Any) -> Code:
    """Run pieces in order; what but the last of them leave is thrown away."""
    return Code(b"".join(map(popped, things[:-1])) + value(things[-1]))


class _Splicer(pickle._Pickler):
    """Python's own pickler, which writes pieces of code as they are."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Code):
            self.write(obj)  # type: ignore[attr-defined]
        else:
            super().save(obj, save_persistent_id)  # type: ignore[misc]


def dumps(thing: Any, protocol: int = SPLICED_PROTOCOL) -> bytes:
    """Pickle an object in which pieces of code may stand for attributes and items."""
    file = io.BytesIO()
    _Splicer(file, protocol).dump(thing)
    return file.getvalue()


def dtype(kind: str, *state: Any) -> Code:
    """Return what numpy writes of a dtype, with another state if one is given."""
    made = call(name("numpy", "dtype"), kind, False, True)
    little = (3, "<", None, None, None, -1, -1, 0)
    return build(made, state or little)


def array(kind: Any, shape: Any, content: Any, fortran: Any = False) -> Code:
    """Return what numpy writes of an array, of a length that may not fit."""
    reconstruct = name("numpy._core.multiarray", "_reconstruct")
    made = call(reconstruct, name("numpy", "ndarray"), (0,), b"b")
    kind = dtype(kind) if isinstance(kind, str) else kind
    return build(made, (1, shape, kind, fortran, content))


def joblib_array(
    kind: Any, shape: Any, content: bytes, order: Any = "C", alignment: Any = 16
) -> Code:
    """Return what joblib writes of an array, with its bytes behind the wrapper."""
    wrapper = new(name("joblib.numpy_pickle", "NumpyArrayWrapper"))
    state = {
        "subclass": name("numpy", "ndarray"),
        "shape": shape,
        "order": order,
        "dtype": dtype(kind) if isinstance(kind, str) else kind,
        "allow_mmap": True,
        "numpy_array_alignment_bytes": alignment,
    }
    no_padding = b"" if alignment is None else b"\0"
    return Code(build(wrapper, state) + no_padding + content)


def raw_deflate(chunk: bytes, times: int) -> bytes:
    """Return a deflate stream of a chunk many times over, without making it all."""
    machine = zlib.compressobj(9, wbits=-15)
    first = machine.compress(chunk) + machine.flush(zlib.Z_FULL_FLUSH)
    # the end of a stream does not depend on what was before a full flush
    return first * times + zlib.compressobj(9, wbits=-15).flush()


def gzip_bomb(chunk: bytes, times: int) -> bytes:
    """Return a gzip file that unpacks to a chunk many times over."""
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(chunk, checksum)
    end = struct.pack("<II", checksum, len(chunk) * times % 2**32)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + raw_deflate(chunk, times) + end


def zlib_bomb(chunk: bytes, times: int) -> bytes:
    """Return a zlib stream that unpacks to a chunk many times over."""
    checksum = 1
    for _ in range(times):
        checksum = zlib.adler32(chunk, checksum)
    return b"x\xda" + raw_deflate(chunk, times) + struct.pack(">I", checksum)


def bz2_bomb(n_bytes: int) -> bytes:
    return _packed(bz2.BZ2Compressor(), n_bytes)


def xz_bomb(n_bytes: int) -> bytes:
    return _packed(lzma.LZMACompressor(preset=0), n_bytes)


def _packed(machine: Any, n_bytes: int, chunk: bytes = bytes(2**20)) -> bytes:
    pieces = [machine.compress(chunk) for _ in range(n_bytes // len(chunk))]
    return b"".join(pieces) + bytes(machine.flush())


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
}
"""joblib's ways to compress a file, but for lz4."""


def archive(
    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]],
    packed: int = zipfile.ZIP_STORED,
) -> bytes:
    """Return a ZIP archive; names may repeat."""
    pairs = files.items() if isinstance(files, Mapping) else files
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as written:
        for path, content in pairs:
            written.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


def zip_bomb(path: str, chunk: bytes, times: int, checksum: int | None = None) -> bytes:
    """Return an archive of one file, a chunk many times over."""
    if checksum is None:
        checksum = 0
        for _ in range(times):
            checksum = zlib.crc32(chunk, checksum)
    content = raw_deflate(chunk, times)
    sizes = struct.pack("<III", checksum, len(content), len(chunk) * times)
    head = struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes
    encoded = path.encode()
    local = b"PK\3\4" + head + struct.pack("<HH", len(encoded), 0) + encoded + content
    ending = struct.pack("<HHHHHII", len(encoded), 0, 0, 0, 0, 0, 0)
    central = b"PK\1\2" + struct.pack("<H", 20) + head + ending + encoded
    tail = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + b"PK\5\6" + tail


def skops(
    schema: Mapping[str, Any] | bytes, files: Mapping[str, bytes] | None = None
) -> bytes:
    """Return a skops archive of a schema, whose protocol is added unless it has one."""
    if not isinstance(schema, bytes):
        whole = {"protocol": 2, "_skops_version": "0.16.0", **schema}
        schema = json.dumps(whole).encode()
    return archive({"schema.json": schema, **(files or {})})


def node(loader: str, module: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return a node of a skops schema."""
    return {"__loader__": loader, "__module__": module, "__class__": kind, **more}


def plain_node(thing: Any) -> dict[str, Any]:
    """Return the node of a constant, a list, a tuple or a dict with texts as keys."""
    if isinstance(thing, dict) and "__loader__" in thing:
        return thing
    kind = type(thing).__name__
    if isinstance(thing, list | tuple):
        loader = "ListNode" if isinstance(thing, list) else "TupleNode"
        return node(loader, "builtins", kind, content=[plain_node(t) for t in thing])
    if isinstance(thing, dict):
        content = {key: plain_node(each) for key, each in thing.items()}
        types = [node("TypeNode", "builtins", "str")] * len(thing)
        keys = node("ListNode", "builtins", "list", content=types)
        return node("DictNode", "builtins", "dict", content=content, key_types=keys)
    return node("JsonNode", "builtins", kind, content=json.dumps(thing))


def object_node(module: str, kind: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return the node of an instance with that state."""
    return node("ObjectNode", module, kind, content=plain_node(state))
