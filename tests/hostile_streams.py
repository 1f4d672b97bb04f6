"""Files that hide what they do from whoever reads their instructions."""

import io
import tarfile
from pathlib import Path
from typing import Any

from tests import assembler as a
from tests.hostile_file import add, fitted, hostile

SPELLING = "a name spelled otherwise"
STREAM = "a stream read otherwise"
CONTAINER = "a container around it"
SAYING = "what a refusal would say"


def system(marker: Path, name: Any = None) -> a.Code:
    return a.call(name or a.name("os", "system"), f"touch '{marker}'")


# Spelling: the same import by other instructions


@hostile(SPELLING)
def _global_of_protocol_0(marker: Path) -> bytes:
    called = a.call(a.old_name("os", "system"), a.quoted(f"touch '{marker}'"))
    return a.program(called, protocol=None)


@hostile(SPELLING)
def _inst_of_protocol_0(marker: Path) -> bytes:
    return a.program(a.call_inst("os", "system", f"touch '{marker}'"), protocol=None)


@hostile(SPELLING)
def _obj_of_protocol_1(marker: Path) -> bytes:
    return a.program(a.call_obj(a.name("os", "system"), f"touch '{marker}'"))


@hostile(SPELLING)
def _new_object_of_a_name(marker: Path) -> bytes:
    popen = a.name("subprocess", "Popen")
    return a.program(a.new(popen, ["touch", str(marker)]))


@hostile(SPELLING)
def _new_object_with_keywords(marker: Path) -> bytes:
    popen = a.name("subprocess", "Popen")
    return a.program(a.new_ex(popen, (), {"args": ["touch", str(marker)]}))


@hostile(SPELLING)
def _names_out_of_the_memo(marker: Path) -> bytes:
    remembered = a.after(a.put("os", 7), a.put("system", 300))
    named = a.name(a.get(7), a.get(300))
    return a.program(a.after(remembered, system(marker, named)))


@hostile(SPELLING)
def _memo_that_is_written_over(marker: Path) -> bytes:
    """A scanner that takes the first of two is misled."""
    memo = a.after(a.put("math", 1), a.put("os", 1))
    named = a.name(a.get(1), "system")
    return a.program(a.after(memo, system(marker, named)))


@hostile(SPELLING)
def _memo_without_an_order(marker: Path) -> bytes:
    """MEMOIZE counts what is remembered, not the highest number."""
    memo = a.Code(b"\x8c\x02os\x94\x8c\x06system\x940")
    named = a.Code(memo + b"h\x00h\x01\x93")
    return a.program(a.call(named, f"touch '{marker}'"))


@hostile(SPELLING)
def _name_in_unicode_escapes(marker: Path) -> bytes:
    named = a.name(a.escaped_text("os"), a.escaped_text("system"))
    return a.program(system(marker, named))


@hostile(SPELLING)
def _name_that_was_dup_licated(marker: Path) -> bytes:
    return a.program(a.Code(a.text("os") + b"20" + a.text("system") + b"\x93"))


@hostile(SPELLING)
def _dotted_name_through_numpy(marker: Path) -> bytes:
    return a.program(system(marker, a.name("numpy", "f2py.os.system")))


@hostile(SPELLING)
def _dotted_name_through_an_allowed_class(marker: Path) -> bytes:
    reached = "BaseEstimator.__init__.__globals__"
    return a.program(a.name("sklearn.pipeline", f"Pipeline.{reached}"))


@hostile(SPELLING)
def _dotted_name_to_a_method(marker: Path) -> bytes:
    named = a.name("pandas", "DataFrame.to_csv")
    return a.program(a.call(named, a.call(a.name("pandas", "DataFrame")), str(marker)))


@hostile(SPELLING)
def _module_by_another_path(marker: Path) -> bytes:
    return a.program(system(marker, a.name("sklearn.utils._joblib.os", "system")))


@hostile(SPELLING)
def _module_in_capitals(marker: Path) -> bytes:
    return a.program(system(marker, a.name("OS", "system")))


@hostile(SPELLING)
def _module_with_a_space(marker: Path) -> bytes:
    return a.program(system(marker, a.name("os ", "system")))


@hostile(SPELLING)
def _module_with_a_zero(marker: Path) -> bytes:
    return a.program(system(marker, a.name("os\0", "system")))


@hostile(SPELLING)
def _module_in_letters_that_look_alike(marker: Path) -> bytes:
    """The name is normalised only by Python's own compiler, not by an import."""
    return a.program(system(marker, a.name("оs", "system")))  # noqa: RUF001


@hostile(SPELLING)
def _module_of_a_half_surrogate(marker: Path) -> bytes:
    return a.program(system(marker, a.name("os\udc00", "system")))


@hostile(SPELLING)
def _empty_module(marker: Path) -> bytes:
    return a.program(a.name("", "os"))


@hostile(SPELLING)
def _name_that_is_no_text(marker: Path) -> bytes:
    return a.program(a.name(["os"], b"system"))


@hostile(SPELLING)
def _name_of_the_main_script(marker: Path) -> bytes:
    return a.program(a.name("builtins", "__main__"))


@hostile(SPELLING)
def _type_by_dill(marker: Path) -> bytes:
    load_type = a.name("dill._dill", "_load_type")
    return a.program(a.call(a.call(load_type, "FunctionType"), None, {}))


@hostile(SPELLING)
def _type_by_dill_with_a_dot(marker: Path) -> bytes:
    load_type = a.name("dill._dill", "_load_type")
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return a.program(a.call(a.call(load_type, "eval"), code))


@hostile(SPELLING)
def _extension_of_copyreg(marker: Path) -> bytes:
    return a.program(a.Code(b"\x82\x01"))


@hostile(SPELLING)
def _extension_with_a_long_number(marker: Path) -> bytes:
    return a.program(a.Code(b"\x84\xff\xff\xff\x7f"))


@hostile(SPELLING)
def _persistent_number(marker: Path) -> bytes:
    return a.program(a.Code(b"Pos.system\n"), protocol=None)


@hostile(SPELLING)
def _persistent_number_on_the_stack(marker: Path) -> bytes:
    return a.program(a.Code(a.text("os.system") + b"Q"))


@hostile(SPELLING)
def _import_inside_a_joblib_array(marker: Path) -> bytes:
    """joblib read arrays of objects with a plain pickle.load (GHSA-m62q-453p-gv66)."""
    inner = a.program(system(marker))
    return a.program(a.joblib_array("O8", (1,), inner, alignment=None))


@hostile(SPELLING)
def _import_behind_a_joblib_array(marker: Path) -> bytes:
    return a.program([a.joblib_array("f8", (2,), bytes(16)), system(marker)])


@hostile(SPELLING)
def _import_that_looks_like_an_array(marker: Path) -> bytes:
    """The array is shorter than it says: its last bytes are instructions."""
    return a.program([a.joblib_array("f8", (2,), b""), system(marker)])


@hostile(SPELLING)
def _array_that_swallows_an_import(marker: Path) -> bytes:
    """A reader that takes the alignment for none reads other instructions."""
    hidden = system(marker)
    return a.program([a.joblib_array("u1", (len(hidden),), hidden, alignment=None)])


@hostile(SPELLING)
def _import_in_a_callback_of_a_set(marker: Path) -> bytes:
    default = a.name("collections", "defaultdict")
    return a.program(a.call(default, a.name("os", "getcwd")))


# Streams: another reading of the same bytes


@hostile(STREAM)
def _second_pickle_behind_the_first(marker: Path) -> bytes:
    return a.program([]) + a.program(system(marker))


@hostile(STREAM)
def _second_pickle_behind_an_honest_one(marker: Path) -> bytes:
    return a.dumps(fitted("Ridge")) + a.program(system(marker))


@hostile(STREAM)
def _stream_that_breaks_behind_its_payload(marker: Path) -> bytes:
    """It ran before the reader came to the broken end (nullifAI)."""
    return a.program(system(marker))[:-1] + b"X"


@hostile(STREAM)
def _stream_without_an_end(marker: Path) -> bytes:
    return a.program(system(marker))[:-1]


@hostile(STREAM)
def _payload_before_an_honest_pipeline(marker: Path) -> bytes:
    honest = a.dumps(fitted("Ridge"))[2:-1]  # without its protocol and its end
    return a.program(a.after(system(marker), a.Code(honest)), protocol=3)


@hostile(STREAM)
def _pickle_in_the_bytes_of_an_honest_one(marker: Path) -> bytes:
    """Sleepy pickle: harmless here, until somebody unpickles the bytes again."""
    loads = a.call(a.name("pickle", "loads"), a.program(system(marker)))
    pipeline = fitted("Ridge")
    pipeline.steps[1][1].coef_ = loads
    return a.dumps(pipeline)


@hostile(STREAM)
def _protocol_of_the_future(marker: Path) -> bytes:
    return a.program(system(marker), protocol=6)


@hostile(STREAM)
def _protocol_that_changes(marker: Path) -> bytes:
    changed = a.Code(b"\x80\x00" + a.old_name("__builtin__", "eval"))
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return a.program(a.call(changed, code), protocol=2)


@hostile(STREAM)
def _frame_that_is_too_long(marker: Path) -> bytes:
    return b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f" + a.program(system(marker))[2:]


@hostile(STREAM)
def _frame_inside_an_instruction(marker: Path) -> bytes:
    return b"\x80\x04\x95\x02" + bytes(7) + a.program(system(marker))[2:]


@hostile(STREAM)
def _stack_that_runs_empty(marker: Path) -> bytes:
    return a.program(a.Code(b"R"))


@hostile(STREAM)
def _mark_that_is_missing(marker: Path) -> bytes:
    return a.program(a.Code(b"Nt"))


@hostile(STREAM)
def _memo_that_is_missing(marker: Path) -> bytes:
    return a.program(a.get(2**31))


@hostile(STREAM)
def _memo_of_a_negative_number(marker: Path) -> bytes:
    return a.program(a.Code(b"Np-1\n"))


@hostile(STREAM)
def _buffer_out_of_band(marker: Path) -> bytes:
    return a.program(a.Code(b"\x97\x98"), protocol=5)


@hostile(STREAM)
def _number_in_full_width_digits(marker: Path) -> bytes:
    return a.program(a.Code("I１２\n".encode()), protocol=None)  # noqa: RUF001


@hostile(STREAM)
def _number_of_ten_thousand_digits(marker: Path) -> bytes:
    return a.program(a.Code(b"L" + b"9" * 10_000 + b"L\n"), protocol=None)


@hostile(STREAM)
def _text_that_is_no_text(marker: Path) -> bytes:
    return a.program(a.Code(b"\x8c\x02\xff\xfe"))


@hostile(STREAM)
def _state_for_a_constant(marker: Path) -> bytes:
    return a.program(a.build(7, {"real": 8}))


@hostile(STREAM)
def _items_for_a_constant(marker: Path) -> bytes:
    return a.program(a.Code(a.value("x") + a.MARK + a.value(1) + b"e"))


@hostile(STREAM)
def _key_that_cannot_be_one(marker: Path) -> bytes:
    return a.program(a.Code(b"}(" + a.value([]) + a.value(1) + b"u"))


# Containers: what a scanner does not open, or opens otherwise


@hostile(CONTAINER)
def _pickle_in_a_7z_archive(marker: Path) -> bytes:
    """nullifAI packed with 7z what scanners only unzip."""
    return b"7z\xbc\xaf'\x1c\0\4" + a.program(system(marker))


@hostile(CONTAINER)
def _pickle_in_a_zip_archive(marker: Path) -> bytes:
    return a.archive({"model.pkl": a.program(system(marker))})


@hostile(CONTAINER)
def _pickle_in_a_torch_archive(marker: Path) -> bytes:
    return a.archive({"archive/data.pkl": a.program(system(marker))})


@hostile(CONTAINER)
def _pickle_in_an_archive_with_a_bad_checksum(marker: Path) -> bytes:
    packed = a.archive({"archive/data.pkl": a.program(system(marker))})
    return packed.replace(b"PK\3\4", b"PK\3\4", 1)[:14] + bytes(4) + packed[18:]


@hostile(CONTAINER)
def _pickle_before_an_archive(marker: Path) -> bytes:
    return a.program(system(marker)) + a.archive({"schema.json": b"{}"})


@hostile(CONTAINER)
def _archive_in_an_archive(marker: Path) -> bytes:
    inner = a.archive({"model.pkl": a.program(system(marker))})
    return a.archive({"inner.zip": inner})


@hostile(CONTAINER)
def _pickle_in_a_tar_archive(marker: Path) -> bytes:
    buffer = io.BytesIO()
    content = a.program(system(marker))
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("../../model.pkl")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@hostile(CONTAINER)
def _pickle_in_an_npy_file(marker: Path) -> bytes:
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    magic = b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little")
    return magic + head + a.program(system(marker))


def _packed(pack: Any) -> Any:
    return lambda marker: bytes(pack(a.program(system(marker))))


for _name, _pack in a.PACKERS.items():
    add(CONTAINER, f"pickle packed with {_name}", _packed(_pack))


def _packed_twice(marker: Path) -> bytes:
    return a.PACKERS["gzip"](a.PACKERS["xz"](a.program(system(marker))))


add(CONTAINER, "pickle packed twice", _packed_twice)


@hostile(CONTAINER)
def _pickle_behind_a_pointer_of_git_lfs(marker: Path) -> bytes:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
    return pointer + b"\nsize 12\n" + a.program(system(marker))


@hostile(CONTAINER)
def _pickle_behind_a_web_page(marker: Path) -> bytes:
    return b"<!DOCTYPE html><html>" + a.program(system(marker))


@hostile(CONTAINER)
def _pickle_behind_json(marker: Path) -> bytes:
    return b'{"learner": 1}' + a.program(system(marker))


# Sayings: what a person is told, or told to paste


@hostile(SAYING)
def _name_with_a_command_to_paste(marker: Path) -> bytes:
    return a.program(a.name("os", f"x; touch {marker} #"))


@hostile(SAYING)
def _module_with_a_command_to_paste(marker: Path) -> bytes:
    return a.program(a.name(f"os.x`touch {marker}`$(touch {marker})", "y"))


@hostile(SAYING)
def _name_that_adds_an_option(marker: Path) -> bytes:
    return a.program(a.name("features", "Ratio --trust everything"))


@hostile(SAYING)
def _name_that_moves_the_cursor(marker: Path) -> bytes:
    return a.program(a.name("os", "\x1b[2J\x1b[1;1Hproved: all is well"))


@hostile(SAYING)
def _name_that_sets_the_title_and_the_clipboard(marker: Path) -> bytes:
    return a.program(a.name("os", "\x1b]0;title\x07\x1b]52;c;dG91Y2g=\x07"))


@hostile(SAYING)
def _name_with_a_second_line(marker: Path) -> bytes:
    return a.program(a.name("os", "x\nwrote model.onnx, 12 bytes"))


@hostile(SAYING)
def _name_with_a_carriage_return(marker: Path) -> bytes:
    return a.program(a.name("os", "x\rwrote model.onnx, 12 bytes"))


@hostile(SAYING)
def _name_that_runs_from_right_to_left(marker: Path) -> bytes:
    return a.program(a.name("os", "\u202egnihtyna tsurt--"))


@hostile(SAYING)
def _name_of_a_million_letters(marker: Path) -> bytes:
    return a.program(a.name("os", "x" * 1_000_000))


@hostile(SAYING)
def _a_thousand_names(marker: Path) -> bytes:
    return a.program([a.name("os", f"x{number}") for number in range(1000)])


@hostile(SAYING)
def _key_with_an_escape_sequence(marker: Path) -> bytes:
    return a.program({"\x1b[2Jmodel": 1, "a\nb": 2})


@hostile(SAYING)
def _class_of_own_code_with_an_escape_sequence(marker: Path) -> bytes:
    make = a.name("cloudpickle.cloudpickle", "_make_skeleton_class")
    kind = a.name("builtins", "type")
    return a.program(a.call(make, kind, "\x1b[2JModel", (), {}, "x", None))


def _written_by(version: str) -> Any:
    def build(marker: Path) -> bytes:
        pipeline = fitted("Ridge")
        regression = a.name("sklearn.linear_model._ridge", "Ridge")
        state = {"_sklearn_version": version}
        pipeline.steps[1] = ("r", a.build(a.new(regression), state))
        return a.dumps(pipeline)

    return build


for _name, _version in {
    "version of five thousand digits": "1." + "5" * 5000,
    "version in full-width digits": "１.５.２",  # noqa: RUF001
    "version that is an option of pip": "--index-url=http://127.0.0.1:9",
    "version that is a path": "../../../tmp/x",
    "version that is a command": "1.5.2; touch x",
    "version with an escape sequence": "1.5.2\x1b[2J",
    "version with a line break": "1.5.2\n",
    "version of the future": "99.0.0",
    "version of nothing": "",
}.items():
    add(SAYING, _name, _written_by(_version))
