"""The commands that make keys and sign, and the server that asks for a signature."""

import errno
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from convert.__main__ import main
from convert.proof.replay import open_model
from convert.report.beside import MARK
from convert.training.card import write_card
from server.model_file.content import read_signature
from tests.models import make_model, make_unsealed_model
from tests.servers import ROOT, running_server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model())
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Return the exit code and what was printed, wherever it was."""
    code = main(["sign", *map(str, words)])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def make_key(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    code, line = said(capsys, "--new-key", path)
    assert code == 0
    return line.rstrip("\n")


def test_a_new_key_is_its_owners_alone_and_its_public_half_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = make_key(capsys, tmp_path / "key.pem")

    text = (tmp_path / "key.pem").read_bytes()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(text, None)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.public_key().public_bytes_raw().hex() == public
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key.pem"
    make_key(capsys, path)
    before = path.read_bytes()

    assert said(capsys, "--new-key", path) == (
        2,
        f"refused: {path} is there already, and a key is never written over: name "
        "another file\n",
    )
    assert path.read_bytes() == before
    assert said(capsys, "--new-key", tmp_path / "no" / "key.pem") == (
        2,
        f"refused: {tmp_path}/no/key.pem cannot be written: No such file or directory\n",
    )


def test_a_file_is_signed_in_its_place(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = make_key(capsys, tmp_path / "key.pem")
    _, before = open_model(path)

    assert said(capsys, path, "--key", tmp_path / "key.pem") == (
        0,
        f"{path}: signed with the key {public}\n",
    )

    after = read_signature(path.read_bytes(), frozenset([bytes.fromhex(public)]))
    assert after.sha256 != before.sha256
    assert (after.version, after.golden_rows) == (before.version, before.golden_rows)


def test_a_key_that_cannot_be_written_whole_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "key.pem"
    monkeypatch.setattr(os, "fsync", full)

    assert said(capsys, "--new-key", path) == (
        2,
        f"refused: {path} cannot be written: No space left on device\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_card_of_a_killed_run_is_the_true_one_again_once_its_model_is_signed(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key(capsys, tmp_path / "key.pem")
    cards = {path.read_bytes(): f"# A\n\n{MARK}\n", b"another": f"# B\n\n{MARK}\n"}
    path.with_suffix(".md").write_text(
        "`python -m convert` was stopped.\n"
        + "".join(
            f"\n# The card of the file with SHA-256 `{sha256(content).hexdigest()}`\n\n"
            + card
            for content, card in cards.items()
        )
    )

    assert said(capsys, path, "--key", tmp_path / "key.pem")[0] == 0
    assert path.with_suffix(".md").read_text() == f"# A\n\n{MARK}\n"
    assert said(capsys, path, "--key", tmp_path / "key.pem")[0] == 0
    assert path.with_suffix(".md").read_text() == f"# A\n\n{MARK}\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        *("a.md", "a.onnx", "key.pem")
    ]


def test_what_is_beside_a_model_and_no_card_of_it_is_left_when_it_is_signed(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key(capsys, tmp_path / "key.pem")
    path.with_suffix(".md").write_text("# My notes\n")

    assert said(capsys, path, "--key", tmp_path / "key.pem")[0] == 0
    assert path.with_suffix(".md").read_text() == "# My notes\n"


def test_the_card_beside_a_signed_model_says_its_size(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key(capsys, tmp_path / "key.pem")
    content, signature = open_model(path)
    card = path.with_suffix(".md")
    card.write_text(write_card(signature, len(content)))

    said(capsys, path, "--key", tmp_path / "key.pem")

    n_bytes = path.stat().st_size
    assert n_bytes > len(content)
    assert card.read_text() == write_card(signature, n_bytes)


def pem(key: rsa.RSAPrivateKey | Ed25519PrivateKey, password: bytes = b"") -> bytes:
    hiding = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hiding)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no key", "is no private key"),
        (pem(Ed25519PrivateKey.generate(), b"a"), "has a password"),
        (pem(rsa.generate_private_key(65537, 2048)), "is no key of Ed25519"),
    ],
    ids=["text", "password", "rsa"],
)
def test_what_is_no_key_is_one_sentence(
    tmp_path: Path,
    path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    why: str,
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(content)

    assert said(capsys, path, "--key", key) == (
        2,
        f"refused: {key} {why}: make one with python -m convert sign --new-key\n",
    )
    assert path.read_bytes() == make_model()


def test_a_key_that_is_not_there_is_one_sentence(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, path, "--key", "none.pem") == (
        2,
        "refused: none.pem cannot be read: No such file or directory; make one with "
        "python -m convert sign --new-key\n",
    )


@pytest.mark.parametrize(
    "words",
    [[], ["a.onnx"], ["--key", "k"], ["a.onnx", "--new-key", "k"],
     ["--key", "k", "--new-key", "k"]],
    ids=range(5),
)  # fmt: skip
def test_either_a_file_is_signed_or_a_key_is_made(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, *words) == (
        2,
        "refused: name a model file and --key, or --new-key alone\n",
    )


def test_a_file_without_a_place_for_a_digest_is_not_signed(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key(capsys, tmp_path / "key.pem")
    path.write_bytes(make_unsealed_model())

    code, sentence = said(capsys, path, "--key", tmp_path / "key.pem")

    assert code == 2
    assert sentence.endswith(
        "refused: the file has no place for a digest: export it again with python -m "
        "convert\n"
    )


def serve(path: Path, keys: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "server", path, "--port", "0"]
    return subprocess.run(
        [*map(str, command), "--trusted-keys", str(keys)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_server_serves_what_one_of_its_keys_signed_and_nothing_else(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key is replaced by trusting both for a while."""
    keys = tmp_path / "trusted.keys"
    old, new, foreign = (tmp_path / f"{name}.pem" for name in ("old", "new", "foreign"))
    keys.write_text(f"{make_key(capsys, old)}\n{make_key(capsys, new)}\n")
    other = make_key(capsys, foreign)

    unsigned = serve(path, keys)
    said(capsys, path, "--key", foreign)
    of_another = serve(path, keys)

    assert (unsigned.returncode, unsigned.stderr) == (
        2,
        f"error: {path}: it is not signed, and only signed files are served "
        "(--trusted-keys); sign it with python -m convert sign\n",
    )
    assert (of_another.returncode, of_another.stderr) == (
        2,
        f"error: {path}: it is signed with the key {other[:16]}…, which is not among the 2 "
        "of --trusted-keys\n",
    )
    for key in (old, new):
        said(capsys, path, "--key", key)
        with running_server(path, "--trusted-keys", keys) as served:
            assert served.line.startswith("serving student on ")


def test_a_server_without_the_keys_that_it_should_trust_does_not_start(
    tmp_path: Path, path: Path
) -> None:
    keys = tmp_path / "trusted.keys"

    missing = serve(path, keys)
    keys.write_text("")
    empty = serve(path, keys)

    named = "error: --trusted-keys or PINION_TRUSTED_KEYS: "
    assert [(each.returncode, each.stderr) for each in (missing, empty)] == [
        (2, f"{named}{keys} cannot be read: No such file or directory\n"),
        (2, f"{named}there is no public key in {keys}\n"),
    ]
