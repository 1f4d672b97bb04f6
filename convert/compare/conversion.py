"""Exports a candidate as `train` would, and measures the file that comes out."""

from typing import NamedTuple

from convert.compare.comparison import Conversion
from convert.errors import Refusal
from convert.export import export
from convert.model_file import ModelFile
from convert.tables.description import Description
from convert.tables.holdout import Split
from convert.training.folds import fit, predict
from convert.training.latency import measure_latency
from convert.training.regressors import Parameters
from server.signature import Provenance


class Final(NamedTuple):
    """A candidate fitted on the whole training part.

    Parameters
    ----------
    predictions
        For the rows that are held out.
    exported
        Or why it cannot be.
    """

    predictions: list[float]
    exported: ModelFile | str


def finish(
    split: Split,
    name: str,
    parameters: Parameters,
    seed: int,
    target: str,
    description: Description,
) -> Final:
    """Fit, predict the held-out rows, and export."""
    pipeline = fit(split, name, parameters, seed)
    predictions = predict(pipeline, split.X_test).tolist()
    try:
        exported: ModelFile | str = export(
            pipeline, split.X_train, split.X_train, [target], description, Provenance()
        )
    except Refusal as refusal:
        exported = str(refusal)
    return Final(predictions, exported)


def measure(exported: ModelFile, split: Split) -> Conversion:
    """Measure in this process, which should have nothing else to do.

    Raises
    ------
    AssertionError
        If the signature has no discrepancy: export proves every graph.
    """
    discrepancy = exported.signature.provenance.discrepancy
    if discrepancy is None:
        raise AssertionError("export proves every graph")
    return Conversion(
        n_bytes=len(exported.content),
        latency_us=measure_latency(exported, split.X_train),
        discrepancy=discrepancy.largest,
        tolerance=discrepancy.tolerance,
    )
