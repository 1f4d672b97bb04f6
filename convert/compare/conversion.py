"""Exports a candidate as `train` would, and measures the file that comes out."""

from typing import NamedTuple

from convert.compare.comparison import Conversion
from convert.compare.folds import fit, predict
from convert.description import Description
from convert.export import Export, export
from convert.latency import measure_latency
from convert.refusal import Refusal
from convert.regressors import Parameters
from convert.split import Split
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
    exported: Export | str


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
        exported: Export | str = export(
            pipeline, split.X_train, split.X_train, [target], description, Provenance()
        )
    except Refusal as refusal:
        exported = str(refusal)
    return Final(predictions, exported)


def measure(exported: Export, split: Split) -> Conversion:
    """Measure in this process, which should have nothing else to do."""
    discrepancy = exported.signature.provenance.discrepancy
    if discrepancy is None:
        raise AssertionError("export proves every graph")
    return Conversion(
        n_bytes=len(exported.content),
        latency_us=measure_latency(exported, split.X_train),
        discrepancy=discrepancy.largest,
        tolerance=discrepancy.tolerance,
    )
