"""FastAPI on the pickled scikit-learn pipeline, loaded once."""

import os

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

label = "FastAPI + scikit-learn + pandas"
requirements = (
    "fastapi==0.165.0",
    "pandas==3.1.1",
    "scikit-learn==1.9.1",
    "uvicorn[standard]==0.54.0",
)
command = (
    "{bin}/uvicorn",
    "bench.contenders.fastapi_sklearn:app",
    "--port={port}",
    "--no-access-log",
)

pipeline = joblib.load(os.environ["BENCH_PIPELINE"])
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
def predict(student: Student) -> dict[str, float]:
    frame = pd.DataFrame([student.model_dump()])
    return {"prediction": pipeline.predict(frame).item()}
