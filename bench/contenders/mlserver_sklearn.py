"""An MLServer runtime with its own route, on the pickled scikit-learn pipeline."""

import os
from typing import Any

import joblib
import pandas as pd
from mlserver import MLModel
from mlserver.handlers import custom_handler

label = "MLServer + scikit-learn"
requirements = ("mlserver==1.7.1", "pandas==3.1.1", "scikit-learn==1.9.1")
command = (
    "env",
    "MLSERVER_MODEL_NAME=scores",
    "MLSERVER_MODEL_IMPLEMENTATION=bench.contenders.mlserver_sklearn.Scores",
    "MLSERVER_HTTP_PORT={port}",
    "MLSERVER_GRPC_PORT={second_port}",
    "MLSERVER_METRICS_ENDPOINT=",
    "MLSERVER_PARALLEL_WORKERS=0",
    "MLSERVER_DEBUG=false",
    "{bin}/mlserver",
    "start",
    "{bin}",
)


class Scores(MLModel):
    async def load(self) -> bool:
        self.pipeline = joblib.load(os.environ["BENCH_PIPELINE"])
        return True

    @custom_handler(rest_path="/predict")
    async def predict_row(self, row: dict[str, Any]) -> dict[str, float]:
        return {"prediction": self.pipeline.predict(pd.DataFrame([row])).item()}
