"""Signs model files, so that a server serves those of their owner alone."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from convert.errors import Invalid, Unreadable
from server.model_file.origin import Origin, find_origin, signed_message, with_origin
from server.model_file.seal import seal
from server.signature import UnreadableSignature

BLANK = bytes(64)
"""Stands for the signature until the file is signed."""


def make_key(path: Path) -> str:
    """Write a new private key that its owner alone can read; return the public one.

    Raises
    ------
    Invalid
        There is a file of this name, or none can be written.
    """
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Invalid(
            f"{path} is there already, and a key is never written over: name another file"
        ) from None
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()  # half a key is none
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
    return public_key(key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file.

    Raises
    ------
    Unreadable
        It is not one of Ed25519 in PEM, or has a password.
    """
    remedy = "make one with python -m convert sign --new-key"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise Unreadable(
            f"{path} cannot be read: {error.strerror}; {remedy}"
        ) from error
    except TypeError:
        raise Unreadable(f"{path} has a password: {remedy}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unreadable(f"{path} is no private key: {remedy}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Unreadable(f"{path} is no key of Ed25519: {remedy}")
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    """Return the public key, 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def sign(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a model file that says whose it is; another origin is replaced.

    Raises
    ------
    Unreadable
        The file has no place for a digest.
    """
    public = key.public_key().public_bytes_raw()
    unsigned = with_origin(content, Origin(public, BLANK, (0, 0)))
    origin = find_origin(unsigned)
    try:
        message = signed_message(unsigned, origin or Origin(public, BLANK, (0, 0)))
        signed = with_origin(unsigned, Origin(public, key.sign(message), (0, 0)))
        return seal(signed)
    except UnreadableSignature as error:
        raise Unreadable(f"{error}: export it again with python -m convert") from error
