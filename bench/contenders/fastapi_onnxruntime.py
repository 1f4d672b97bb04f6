"""FastAPI on onnxruntime's Python binding: a pydantic model, one row at a time."""

import os

import numpy as np
from fastapi import FastAPI
from onnxruntime import InferenceSession, SessionOptions
from pydantic import BaseModel

label = "FastAPI + onnxruntime"
requirements = (
    "fastapi==0.165.0",
    "onnxruntime==1.31.1",
    "uvicorn[standard]==0.54.0",
)
command = (
    "{bin}/uvicorn",
    "bench.contenders.fastapi_onnxruntime:app",
    "--port={port}",
    "--no-access-log",
)

options = SessionOptions()
options.intra_op_num_threads = 1
session = InferenceSession(os.environ["BENCH_MODEL"], options)
app = FastAPI()


class Student(BaseModel):
    gender: str
    race_ethnicity: str
    parental_level_of_education: str
    lunch: str
    test_preparation_course: str
    reading_score: float
    writing_score: float


@app.post("/predict")
async def predict(student: Student) -> dict[str, float]:
    row = student.model_dump()
    feed = {
        name: np.array([[value]], dtype=object if isinstance(value, str) else np.double)
        for name, value in row.items()
    }
    (prediction,) = session.run(["prediction"], feed)
    return {"prediction": prediction.item()}
