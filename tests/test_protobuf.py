import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model_file.protobuf import Field, NotProtobuf, fields
from tests.models import make_model


def walk(content: bytes) -> list[Field]:
    return list(fields(content, 0, len(content)))


def test_every_field_is_where_protobuf_wrote_it() -> None:
    content = make_model()
    model = onnx.load_from_string(content)

    found = walk(content)

    (version,) = [field.value for field in found if field.number == 1]
    (graph,) = [content[f.start : f.stop] for f in found if f.number == 7]
    assert version == model.ir_version
    assert graph == model.graph.SerializeToString()
    assert [f.number for f in found] == [1, 2, 3, 7, 8, 8, 14]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"\x08\x7f", Field(1, 127, 1, 2)),
        (b"\x08\x96\x01", Field(1, 150, 1, 3)),
        (b"\x12\x02ab", Field(2, 0, 2, 4)),
        (b"\x0d1234", Field(1, 0, 1, 5)),
        (b"\x0912345678", Field(1, 0, 1, 9)),
        (b"\x88\x00\x01", Field(1, 1, 2, 3)),  # a longer form of the same number
        (b"\x08" + b"\xff" * 9 + b"\x01", Field(1, 2**64 - 1, 1, 11)),
    ],
)
def test_a_field_is_read_as_the_encoding_says(content: bytes, field: Field) -> None:
    assert walk(content) == [field]


@pytest.mark.parametrize(
    "content",
    [
        b"\x08",
        b"\x08\x80",
        b"\x12\x03ab",
        b"\x0d123",
        b"\x091234567",
        b"\x0b",  # a group, which no file of ours has
        b"\x02\x00",  # the number 0
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\xff\xff\xff\xff\xff\x01\x00",
        b"\x80\x80\x80\x80\x10\x00",  # one bit more than a field's number has
    ],
)
def test_what_ends_nowhere_is_refused(content: bytes) -> None:
    with pytest.raises(NotProtobuf):
        walk(content)


@given(st.binary(max_size=40))
def test_any_bytes_are_fields_in_a_row_or_refused(content: bytes) -> None:
    try:
        found = walk(content)
    except NotProtobuf:
        return
    assert not content or found[-1].stop == len(content)
