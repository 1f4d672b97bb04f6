"""Whether a file that was changed is told from one that was not."""

import hashlib
import random

import msgspec
import onnx
import pytest

from server import signature as signatures
from server.model import Model, UnservableModel
from server.model_file.content import read_signature
from server.model_file.seal import BLANK, check_seal, find_digest, seal
from server.signature import METADATA_KEY, UnreadableSignature
from tests.models import make_model, make_signature

N_FLIPS = 400


def with_text(text: str, *more: str) -> bytes:
    """Return the model file that has these texts for signatures, unsealed."""
    model = onnx.load_from_string(make_model())
    del model.metadata_props[:]
    for each in (text, *more):
        model.metadata_props.add(key=METADATA_KEY, value=each)
    return bytes(model.SerializeToString())


def text_of(**changes: str) -> str:
    return signatures.write(make_signature(**changes))


def test_the_digest_is_of_the_file_with_zeros_in_its_place() -> None:
    content = make_model()

    digest = read_signature(content).sha256

    blank = content.replace(digest.encode(), BLANK.encode())
    assert len(blank) == len(content)
    assert hashlib.sha256(blank).hexdigest() == digest
    assert content.count(digest.encode()) == 1


@pytest.mark.parametrize("seed", range(2))
def test_no_flipped_bit_is_served(seed: int) -> None:
    content = make_model()
    rng = random.Random(seed)

    for position in rng.sample(range(len(content) * 8), N_FLIPS):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(UnservableModel):
            Model.from_content(bytes(flipped))


def test_no_flipped_bit_of_the_signatures_beginning_is_served() -> None:
    content = make_model()
    first = content.index(b'{"protocol"')

    for position in range(first * 8 - 200, (first + 110) * 8):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(UnservableModel):
            Model.from_content(bytes(flipped))


def test_no_shortened_or_lengthened_file_is_served() -> None:
    content = make_model()

    for length in range(0, len(content), 7):
        with pytest.raises(UnservableModel):
            Model.from_content(content[:length])
    for more in (b"\0", b"\n", b"\x92\x03\x00", content):  # the third is a whole field
        with pytest.raises(UnservableModel):
            Model.from_content(content + more)


def test_two_parts_that_changed_places_are_found() -> None:
    content = make_model()
    middle = len(content) // 2
    swapped = content[:100] + content[middle : middle + 8] + content[108:]

    with pytest.raises(UnreadableSignature, match="damaged: its SHA-256 is"):
        check_seal(swapped)


def test_a_file_that_lost_its_digest_is_not_taken_for_an_old_one() -> None:
    content = make_model()

    for changed in (b'"rha256"', b'"SHA256"', b'"name12"'):
        with pytest.raises(UnreadableSignature, match="begins neither"):
            check_seal(content.replace(b'"sha256"', changed))


def test_a_digest_in_upper_case_is_none() -> None:
    content = make_model()
    digest = read_signature(content).sha256.encode()

    with pytest.raises(UnreadableSignature, match="begins neither"):
        check_seal(content.replace(digest, digest.upper()))


def test_a_file_that_never_had_a_digest_is_read() -> None:
    content = with_text(text_of())

    assert read_signature(content) == make_signature()
    assert find_digest(content) is None
    with pytest.raises(UnreadableSignature, match="has no place for a digest"):
        seal(content)


def test_no_text_is_mistaken_for_the_digest() -> None:
    look_alike = f'{{"protocol":1,"sha256":"{"a" * 64}","name":"x"}}'
    content = make_model(make_signature(title=look_alike, description=look_alike))

    signature = read_signature(content)

    assert signature.title == signature.description == look_alike


def test_a_digest_that_is_said_twice_is_refused() -> None:
    text = text_of(sha256=BLANK).removesuffix("}") + f',"sha256":"{"a" * 64}"}}'

    with pytest.raises(UnreadableSignature, match="in two places"):
        read_signature(seal(with_text(text)))


def test_a_digest_elsewhere_than_at_the_beginning_is_refused() -> None:
    text = text_of().removesuffix("}") + f',"sha256":"{"a" * 64}"}}'

    with pytest.raises(UnreadableSignature, match="in two places"):
        read_signature(with_text(text))


def test_two_signatures_are_refused() -> None:
    content = with_text(text_of(), text_of(name="other"))

    with pytest.raises(UnreadableSignature, match="carries 2 signatures"):
        read_signature(content)


def test_an_entry_with_two_values_is_refused() -> None:
    content = with_text("")
    key = METADATA_KEY.encode()
    old = b"\n%c%s\x12\0" % (len(key), key)
    new = b"\n%c%s\x12\0\x12\0" % (len(key), key)
    framed = b"r%c" % len(old)
    assert content.count(framed + old) == 1

    with pytest.raises(UnreadableSignature, match="says its signature twice"):
        check_seal(content.replace(framed + old, b"r%c" % len(new) + new))


def test_a_file_without_signature_is_refused() -> None:
    bare = onnx.load_from_string(make_model())
    del bare.metadata_props[:]

    with pytest.raises(UnreadableSignature, match="carries no signature"):
        check_seal(bare.SerializeToString())


def test_a_later_protocol_is_told_to_be_newer_once_the_file_is_whole() -> None:
    newer = msgspec.structs.replace(make_signature(), protocol=2)

    with pytest.raises(UnreadableSignature, match="a newer Pinion"):
        read_signature(make_model(newer))
