"""Ed25519 in whole numbers, against RFC 8032, Wycheproof and another implementation."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given
from hypothesis import strategies as st

from server.model_file.ed25519 import L, P, is_key, verifies
from tests.servers import ROOT

VECTORS = Path(__file__).with_name("ed25519_vectors.txt")

RFC_8032 = [  # section 7.1: private key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
        "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
        "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

SMALL_ORDER = [
    0,
    1,
    P - 1,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
]
"""The second coordinates of the eight points that sign everything."""


@pytest.mark.parametrize(("private", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_the_rfc_are_valid(
    private: str, public: str, message: str, signature: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    parts = [bytes.fromhex(each) for each in (signature, message, public)]

    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(parts[1]).hex() == signature
    assert verifies(*parts)


def vectors() -> list[list[str]]:
    lines = VECTORS.read_text().splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


def test_the_vectors_of_wycheproof_are_told_apart() -> None:
    found = []
    for public, message, signature, result in vectors():
        parts = [
            bytes.fromhex(each.replace("-", ""))
            for each in (signature, message, public)
        ]
        found.append(verifies(*parts) == (result == "valid"))

    assert found == [True] * 151


def accepts(signature: bytes, message: bytes, public: bytes) -> bool:
    """Ask the library that the converter signs with."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_the_library_signs_is_valid(private: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(private)
    public = key.public_key().public_bytes_raw()

    assert verifies(key.sign(message), message, public)


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=1, max_size=50),
    st.integers(0, 2),
    st.integers(0, 511),
)
def test_with_one_other_bit_both_say_no(
    private: bytes, message: bytes, part: int, bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(private)
    parts = [key.sign(message), message, key.public_key().public_bytes_raw()]
    changed = bytearray(parts[part])
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    parts[part] = bytes(changed)

    assert (verifies(*parts), accepts(*parts)) == (False, False)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_bytes_of_any_length_are_no_signature(signature: bytes, public: bytes) -> None:
    assert not verifies(signature, b"", public)
    assert not verifies(signature, b"", bytes.fromhex(RFC_8032[0][1]))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", SMALL_ORDER)
def test_a_key_that_signs_everything_is_none(y: int, sign: int) -> None:
    """With R the same point and S zero, the equation holds for every eighth message."""
    public = (y | sign << 255).to_bytes(32, "little")
    forged = [(r | sign << 255).to_bytes(32, "little") for r in SMALL_ORDER]

    assert not is_key(public)
    for number in range(20):
        for r in forged:
            assert not verifies(r + bytes(32), b"%d" % number, public)


@pytest.mark.parametrize("y", [P, P + 1, P + 3, P + 18])
def test_a_number_beyond_the_field_is_no_key(y: int) -> None:
    assert not is_key(y.to_bytes(32, "little"))


def test_the_neutral_element_with_a_sign_is_no_key() -> None:
    assert not is_key((1 | 1 << 255).to_bytes(32, "little"))
    assert is_key(bytes.fromhex(RFC_8032[0][1]))
    assert not is_key(bytes.fromhex(RFC_8032[0][1])[:31])


@pytest.mark.parametrize(("private", "public", "message", "signature"), RFC_8032)
def test_a_signature_has_one_form(
    private: str, public: str, message: str, signature: str
) -> None:
    """S and S + L are the same number to the curve, and not to us."""
    whole = bytes.fromhex(signature)
    more = (int.from_bytes(whole[32:], "little") + L).to_bytes(32, "little")

    assert not verifies(
        whole[:32] + more, bytes.fromhex(message), bytes.fromhex(public)
    )


def test_who_trusts_everybody_does_not_load_it() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from server.model import Model\n"
        "Model.load(Path('models/student_performance.onnx'))\n"
        "print([name for name in sys.modules if 'ed25519' in name or 'origin' in name])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout == "[]\n"
