"""What every contract of a model is made of."""

from collections.abc import Sequence

from server.contracts.predict.rows import RowReader
from server.signature import Signature


class Schema:
    """What a model accepts and returns.

    Parameters
    ----------
    includes
        What it can add to a prediction.
    max_rows
        Most rows in one request.
    root_path
        Before each path, for whoever asks.

    Attributes
    ----------
    reader
        Of its rows, for all its contracts.
    n_columns
        Most that a row may have: the features, and what is ignored beside them.
    """

    def __init__(
        self,
        signature: Signature,
        includes: Sequence[str],
        max_rows: int,
        root_path: str = "",
    ) -> None:
        self.signature = signature
        self.includes = includes
        self.max_rows = max_rows
        self.n_columns = len(signature.features) + len(signature.ignored)
        self.root_path = root_path
        self.reader = RowReader(signature, max_rows)
