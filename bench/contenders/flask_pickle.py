"""The usual tutorial: Flask, and the pickle loaded anew for every request."""

import os
import pickle

import pandas as pd
from flask import Flask, request

label = "Flask + pickle, loaded per request"
requirements = (
    "flask==3.1.3",
    "gunicorn==27.0.1",
    "pandas==3.1.1",
    "scikit-learn==1.9.1",
)
command = (
    "{bin}/gunicorn",
    "--workers=1",
    "--bind=127.0.0.1:{port}",
    "bench.contenders.flask_pickle:app",
)

app = Flask(__name__)


@app.post("/predict")
def predict() -> dict[str, float]:
    with open(os.environ["BENCH_PIPELINE"], "rb") as file:
        pipeline = pickle.load(file)  # noqa: S301
    frame = pd.DataFrame([request.get_json()])
    return {"prediction": pipeline.predict(frame).item()}
