"""Answers batches of Arrow with the server's own code, in the process of a worker."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from deploy.batches import Refused, answer, check_names, prediction_type
from server.batch import Columns
from server.contracts.predict.rows import RowReader
from server.model import Model
from server.problems import Problem

ADDED = ("prediction", "error")
"""Columns behind those that came; of a row, one of the two is null."""


def answer_all(
    content: bytes, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Load the model in the bytes of a file, and answer batch after batch."""
    model = Model.from_content(content)
    try:
        answerer = Answerer(model)
        yield from map(answerer.with_answers, batches)
    finally:
        model.close()


class Answerer:
    """Predicts batches, and says of each row that is refused what is wrong with it."""

    def __init__(self, model: Model) -> None:
        features = model.signature.features
        self._model = model
        self._checked: list[str] = []
        self._names = [feature.name for feature in features]
        self._type = prediction_type(model.signature)
        self._reader = RowReader(model.signature, max_rows=sys.maxsize)
        self._columns = Columns(features)

    def with_answers(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with the columns that are added.

        Raises
        ------
        Unfit
        """
        if batch.schema.names != self._checked:
            check_names(batch.schema.names, self._model.signature)
            self._checked = batch.schema.names
        answers = answer(batch, self._names, self._ask)
        added = [
            pa.array(answers.predictions, self._type),
            pa.array(answers.errors, pa.string()),
        ]
        names = [*batch.schema.names, *ADDED]
        return pa.RecordBatch.from_arrays([*batch.columns, *added], names)

    def _ask(self, body: bytes) -> list[Any]:
        try:
            batch = self._reader.read(body)
            columns = self._columns.of(batch.rows)
            tensors = self._model.predict(columns, len(batch.rows))
            return list(batch.predicted(self._model.predictions(tensors)).values)
        except Problem as problem:
            raise Refused(problem.detail, problem.faults) from problem
