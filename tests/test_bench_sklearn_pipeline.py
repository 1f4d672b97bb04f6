import json
import os
import pickle
from pathlib import Path

import onnx
import pandas as pd
import pytest

from bench.errors import Refusal
from bench.subjects.sklearn_pipeline import write_pipeline
from tests.students import make_students

MODEL = Path("models/student_performance.onnx")


def test_the_pipeline_predicts_rows_as_contenders_send_them(tmp_path: Path) -> None:
    students = make_students()
    table, path = tmp_path / "students.csv", tmp_path / "made" / "pipeline.pkl"
    students.to_csv(table, index=False)

    write_pipeline(table, path)

    row = students.drop(columns="math_score").iloc[0].to_dict()
    prediction = pickle.loads(path.read_bytes()).predict(pd.DataFrame([row]))
    assert prediction.shape == (1,)
    assert 0 < prediction.item() < 120


def test_another_table_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "irises.csv"
    table.write_text("sepal_length\n5.1\n")

    with pytest.raises(Refusal, match="has no column 'math_score'"):
        write_pipeline(table, tmp_path / "pipeline.pkl")


def test_the_pipeline_is_the_one_of_the_shipped_model(tmp_path: Path) -> None:
    if "STUDENTS_CSV" not in os.environ:
        pytest.skip("STUDENTS_CSV is not set")
    properties = {each.key: each.value for each in onnx.load(MODEL).metadata_props}
    golden = json.loads(properties["pinion.signature"])["golden_rows"][0]
    path = tmp_path / "pipeline.pkl"

    write_pipeline(Path(os.environ["STUDENTS_CSV"]), path)

    prediction = pickle.loads(path.read_bytes()).predict(pd.DataFrame([golden["row"]]))
    assert prediction.tolist() == pytest.approx(golden["predictions"], abs=1e-9)
