"""Predicts a table of Parquet, and writes one: a job for `spark-submit`."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import StringType, StructType

from deploy.batches import Unfit, check_names, prediction_type
from deploy.spark.answers import ADDED, answer_all
from server.model_file.content import read_signature


def main(words: Sequence[str]) -> int:
    """Read, predict and write as the command line says, and return the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    session = SparkSession.builder.appName("pinion").getOrCreate()
    table = session.read.parquet(options.input)
    taken = [name for name in ADDED if name in table.columns]
    if taken:
        parser.error(f"the table has a column {taken[0]} already: rename it")
    try:
        predicted = predict(table, options.model.read_bytes())
    except Unfit as unfit:
        parser.error(f"the table does not fit: {unfit}")
    predicted.write.parquet(options.output)
    session.stop()
    return 0


def predict(table: DataFrame, content: bytes) -> DataFrame:
    """Return the table with two more columns, `prediction` and `error`.

    Parameters
    ----------
    content
        The bytes of a model file, which go to the workers.

    Raises
    ------
    Unfit
        The table's columns are not those that the model reads; no job has begun.
    """
    signature = read_signature(content)
    check_names(table.columns, signature)

    def answer(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return answer_all(content, batches)

    prediction, error = ADDED
    predicted = from_arrow_type(prediction_type(signature))
    schema = StructType([*table.schema.fields])
    schema.add(prediction, predicted).add(error, StringType())
    return table.mapInArrow(answer, schema)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Predict a table of Parquet.")
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("input", help="a table of Parquet")
    parser.add_argument("output", help="that is written, and must not be there")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
