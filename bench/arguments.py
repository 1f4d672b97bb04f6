"""Types of command-line arguments."""

import argparse
import math
import os
from pathlib import Path

MODEL = "models/student_performance.onnx"


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def seconds(text: str) -> float:
    value = span(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is not more than 0")
    return value


def span(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no finite number from 0 up")
    return value


def writable_file(text: str) -> Path:
    """Refuse before the measurement what could not be written after it.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is a folder, or the nearest folder above it that exists cannot be written.
    """
    path = Path(text)
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if path.is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise argparse.ArgumentTypeError(f"{text} cannot be written")
    return path


def model_file(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        others = ", ".join(sorted(map(str, path.parent.glob("*.onnx")))[:10])
        there = f"; there is {others}" if others else ""
        raise argparse.ArgumentTypeError(f"there is no model file {text}{there}")
    return path


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add which model is measured."""
    parser.add_argument(
        "model",
        type=model_file,
        nargs="?",
        default=MODEL,  # as text, so that it is looked for as well
        help="default: %(default)s",
    )


def add_output(parser: argparse.ArgumentParser, default: Path) -> None:
    """Add where the JSON goes."""
    parser.add_argument(
        "--output",
        type=writable_file,
        default=default,
        metavar="FILE",
        help="replaced, if it is there; default: %(default)s",
    )


def names(text: str) -> list[str]:
    return text.split(",")


def existing_file(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add which table the pipeline of scikit-learn is fitted to."""
    parser.add_argument(
        "--table",
        type=existing_file,
        default=os.environ.get("STUDENTS_CSV") or None,
        metavar="CSV",
        help="that trained the model, for contenders that serve scikit-learn; "
        "default: the environment's STUDENTS_CSV",
    )
