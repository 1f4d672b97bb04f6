import msgspec
import pytest

from server import signature as signatures
from server.signature import UnreadableSignature
from tests.models import make_signature


def test_a_signature_reads_back_as_it_was_written() -> None:
    signature = make_signature()

    assert signatures.read(signatures.write(signature)) == signature


def test_a_field_of_a_later_version_is_skipped() -> None:
    document = msgspec.json.decode(signatures.write(make_signature()))
    document["colour"] = "blue"

    assert signatures.read(msgspec.json.encode(document).decode()) == make_signature()


def test_a_newer_protocol_is_refused_with_the_remedy() -> None:
    newer = signatures.write(make_signature(protocol=signatures.PROTOCOL + 1))

    with pytest.raises(UnreadableSignature, match="serve it with a newer Pinion"):
        signatures.read(newer)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"protocol": 1}', '{"protocol": "x"}', "3"]
)
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(UnreadableSignature, match="damaged"):
        signatures.read(text)


def test_the_protocol_is_always_written() -> None:
    assert msgspec.json.decode(signatures.write(make_signature()))["protocol"] == 1
