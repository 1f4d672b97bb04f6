"""`python -m convert sign`: says whose a model file is, and makes the keys for it."""

import argparse
from pathlib import Path

from convert.errors import Invalid
from convert.inputs import check_input
from convert.proof.replay import open_model
from convert.report.beside import card_path, replace_model, size, true_card
from convert.report.files import alone_in
from convert.signing import make_key, public_key, read_key, sign

EXAMPLE = """\
examples:
  python -m convert sign --new-key build/key.pem > build/trusted.keys
  python -m convert sign build/maths.onnx --key build/key.pem
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "sign",
        description="Sign a model file with your private key (Ed25519), so that a server "
        "with --trusted-keys serves it; or make such a key.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", type=Path, nargs="?", metavar="FILE", help="ends with .onnx; changed")
    add("--key", type=Path, metavar="KEY", help="your private key, in PEM")
    add(
        "--new-key",
        type=Path,
        metavar="KEY",
        help="write a private key that only you can read, and print the public one, a "
        "line for the file of --trusted-keys",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Return what was done, or the public key of the one that was made.

    Raises
    ------
    Invalid
        Neither a file with its key nor a new key is named, or both are.
    """
    path, key_path = arguments.file, arguments.key
    if arguments.new_key is not None and (path, key_path) == (None, None):
        return make_key(arguments.new_key)
    if arguments.new_key is not None or path is None or key_path is None:
        raise Invalid("name a model file and --key, or --new-key alone")
    key = read_key(key_path)
    check_input(path)
    with alone_in([path.parent]):
        content, _ = open_model(path)
        card = card_path(path)
        signed = sign(content, key)
        said = true_card(card, content).replace(
            size(len(content)).encode(), size(len(signed)).encode()
        )
        replace_model(path, signed, {card: said} if said else {})
    return f"{path}: signed with the key {public_key(key)}"
