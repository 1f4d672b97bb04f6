"""Opens a model file as the server does, which replays its golden rows."""

import logging
from pathlib import Path

from convert.errors import Unreadable
from convert.inputs import check_input
from server.model import Model, UnservableModel
from server.model_file.seal import UNSEALED
from server.runtime.session import RuntimeFault
from server.signature import Signature

log = logging.getLogger(__name__)


def replayed(path: Path, signature: Signature) -> str:
    """Say what was found by opening it."""
    within = f"within {signature.golden_tolerance:.1g}"
    return f"{path}: {say_golden_rows(signature)} {within}"


def say_golden_rows(signature: Signature) -> str:
    """Say how many are reproduced, and what they are."""
    n_rows = len(signature.golden_rows)
    rows, them, are = (
        ("golden row", "it", "is") if n_rows == 1 else ("golden rows", "them", "are")
    )
    made = f"made up, with what scikit-learn predicted for {them}"
    return f"{n_rows} {rows} ({made}) {are} reproduced"


def open_model(path: Path) -> Signature:
    """Load a model file as the server does, and return its signature.

    Raises
    ------
    Unreadable
        It is not a model file, or does not reproduce its golden rows.
    """
    check_input(path)
    try:
        model = Model.load(path)
    except (UnservableModel, RuntimeFault) as error:
        raise Unreadable(str(error)) from error
    model.close()
    if not model.signature.sha256:
        log.warning("%s %s", path, UNSEALED)
    return model.signature
