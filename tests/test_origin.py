"""Whether a model file is its owner's is told before anything is made of it."""

from pathlib import Path

import onnx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from convert.signing import public_key, sign
from server.model import Model, UnservableModel
from server.model_file.content import read_signature
from server.model_file.origin import (
    CONTEXT,
    ORIGIN_KEY,
    UnreadableKeys,
    find_origin,
    read_trusted_keys,
)
from server.model_file.seal import BLANK, check_seal, seal
from server.signature import UnreadableSignature, UntrustedOrigin
from tests.models import make_model, make_signature, make_unsealed_model

MINE, OTHERS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))


def raw(key: Ed25519PrivateKey) -> bytes:
    return bytes.fromhex(public_key(key))


def trusting(*keys: Ed25519PrivateKey) -> frozenset[bytes]:
    return frozenset(map(raw, keys))


def refusal(content: bytes, *keys: Ed25519PrivateKey) -> str:
    with pytest.raises(UnservableModel) as refused:
        Model.from_content(content, trusted_keys=trusting(*keys))
    return str(refused.value)


def test_a_signed_file_is_served_with_and_without_trusted_keys() -> None:
    content = sign(make_model(), MINE)

    for keys in (None, trusting(MINE), trusting(OTHERS, MINE)):
        model = Model.from_content(content, trusted_keys=keys)
        answer = model.predictions(model.predict([["male"], ["standard"], [80.0]], 1))
        model.close()

        assert answer == [81.0]


def test_what_is_signed_is_the_digest_with_zeros_in_both_places() -> None:
    """Made by hand from the file, and checked by the library that signs."""
    content = sign(make_model(), MINE)
    origin, digest = find_origin(content), check_seal(content)
    assert origin is not None

    import hashlib

    blank = content.replace(origin.signature.hex().encode(), b"0" * 128)
    blank = blank.replace(digest.encode(), BLANK.encode())

    assert len(blank) == len(content)
    assert origin.public_key == raw(MINE)
    MINE.public_key().verify(origin.signature, CONTEXT + hashlib.sha256(blank).digest())


def test_the_file_is_a_model_to_others_too() -> None:
    before, after = make_model(), sign(make_model(), MINE)
    was, now = (onnx.load_from_string(each) for each in (before, after))

    entries = {entry.key: entry.value for entry in now.metadata_props}
    assert entries[ORIGIN_KEY].startswith(f"ed25519 {public_key(MINE)} ")
    assert now.graph == was.graph
    onnx.checker.check_model(now)
    assert sign(before, MINE) == after


def test_another_signature_takes_the_place_of_the_first() -> None:
    once = sign(make_model(), OTHERS)

    assert sign(once, MINE) == sign(make_model(), MINE)
    assert read_signature(sign(once, MINE), trusting(MINE)).name == "student"


def test_an_unsigned_file_is_one_sentence() -> None:
    assert refusal(make_model(), MINE) == (
        "it is not signed, and only signed files are served (--trusted-keys); sign it "
        "with python -m convert sign"
    )


def test_a_file_of_before_the_digest_is_not_signed() -> None:
    assert refusal(make_unsealed_model(), MINE).startswith("it is not signed, and")


def test_a_foreign_file_is_one_sentence() -> None:
    assert refusal(sign(make_model(), OTHERS), MINE) == (
        f"it is signed with the key {public_key(OTHERS)[:16]}…, which is not among the 1 "
        "of --trusted-keys"
    )


def test_a_signature_of_another_file_is_one_sentence() -> None:
    """Whoever changes a file can seal it again, and not sign it."""
    signed = sign(make_model(), MINE)
    other = make_model(make_signature(title="Another"))
    moved = seal(other + signed[len(make_model()) :])
    changed = seal(signed.replace(b'"title":"Maths score"', b'"title":"Chess score"'))

    said = (
        f"its signature is not of this file, or not of the key {public_key(MINE)[:16]}…, "
        "as it says; take it from where it was signed once more"
    )
    assert [refusal(moved, MINE), refusal(changed, MINE)] == [said, said]
    assert Model.from_content(changed).signature.title == "Chess score"


def test_a_name_of_a_trusted_key_is_not_its_signature() -> None:
    signed = sign(make_model(), OTHERS)
    named = seal(signed.replace(public_key(OTHERS).encode(), public_key(MINE).encode()))

    assert refusal(named, MINE).startswith(
        "its signature is not of this file, or not of"
    )


def test_a_changed_signature_is_damage_to_whoever_asks_for_none() -> None:
    signed = sign(make_model(), MINE)
    origin = find_origin(signed)
    assert origin is not None
    start = origin.place[0]
    flipped = signed[:start] + b"0f"[:: 1 if signed[start] == 102 else -1][:1]
    damaged = flipped + signed[start + 1 :]

    with pytest.raises(UnreadableSignature, match="the file is damaged: its SHA-256"):
        read_signature(damaged)


@pytest.mark.parametrize(
    "value", ["", "ed25519", "rsa " + "0" * 64, "ed25519 " + "0" * 64 + " " + "F" * 128]
)
def test_an_origin_in_other_words_is_refused(value: str) -> None:
    model = onnx.load_from_string(make_model())
    model.metadata_props.add(key=ORIGIN_KEY, value=value)

    content = seal(bytes(model.SerializeToString()))

    assert refusal(content, MINE).startswith(
        "the file says its origin twice, or in oth"
    )


def test_two_origins_are_refused() -> None:
    signed = sign(make_model(), MINE)

    content = seal(signed + signed[len(make_model()) :])

    assert refusal(content, MINE).startswith(
        "the file says its origin twice, or in oth"
    )


def write_keys(folder: Path, text: str) -> Path:
    path = folder / "trusted.keys"
    path.write_text(text)
    return path


def pem(key: Ed25519PrivateKey) -> str:
    encoded = key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    return encoded.decode()


def test_keys_are_read_a_line_each_or_as_pem(tmp_path: Path) -> None:
    text = (
        f"# of the house\n\n{public_key(MINE)}  the old one, until May\n"
        f"{pem(OTHERS)}  {public_key(MINE).upper()}\n"
    )

    assert read_trusted_keys(write_keys(tmp_path, text)) == trusting(MINE, OTHERS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no public key in {path}"),
        ("# none\n", "there is no public key in {path}"),
        (
            f"{public_key(MINE)}\n{public_key(MINE)[1:]}\n",
            "line 2 of {path} is no public key of Ed25519, as python -m convert sign "
            "--new-key writes it",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "line 1 of {path} is no public key of Ed25519, as python -m convert sign "
            "--new-key writes it",
        ),
        (
            f"{pem(MINE)}ssh-ed25519 AAAA",
            "line 4 of {path} is no public key of Ed25519, as python -m convert sign "
            "--new-key writes it",
        ),
        ("01" + "0" * 62, "{path} has 01" + "0" * 62 + ", which is no key"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----",
            "{path} has a block, which is no key",
        ),
    ],
    ids=range(7),
)
def test_a_file_that_has_no_keys_is_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    path = write_keys(tmp_path, text)

    with pytest.raises(UnreadableKeys) as refused:
        read_trusted_keys(path)

    assert str(refused.value) == said.format(path=path)


def test_a_file_of_keys_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")

    for name, reason in (
        ("none", "No such file or directory"),
        (".", "Is a directory"),
        ("binary", "it is no text"),
    ):
        with pytest.raises(UnreadableKeys) as refused:
            read_trusted_keys(tmp_path / name)
        assert str(refused.value) == f"{tmp_path / name} cannot be read: {reason}"


def test_no_flipped_bit_of_a_signed_file_is_served_to_whoever_trusts() -> None:
    content = sign(make_model(), MINE)
    place = len(make_model())

    for bit in range(place * 8, len(content) * 8, 3):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((UnreadableSignature, ValueError)):
            read_signature(bytes(flipped), trusting(MINE))


def test_an_untrusted_file_is_an_unreadable_one() -> None:
    with pytest.raises(UntrustedOrigin):
        read_signature(make_model(), frozenset())
