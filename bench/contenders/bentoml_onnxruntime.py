"""A BentoML service on onnxruntime's Python binding."""

import os

import bentoml
import numpy as np
from onnxruntime import InferenceSession, SessionOptions

label = "BentoML + onnxruntime"
requirements = ("bentoml==1.4.39", "numpy==2.4.6", "onnxruntime==1.31.1")
command = (
    "env",
    "BENTOML_DO_NOT_TRACK=true",
    "{bin}/bentoml",
    "serve",
    "bench.contenders.bentoml_onnxruntime:Scores",
    "--port={port}",
)


@bentoml.service(
    workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False}
)
class Scores:
    def __init__(self) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self.session = InferenceSession(os.environ["BENCH_MODEL"], options)

    @bentoml.api
    def predict(
        self,
        gender: str,
        race_ethnicity: str,
        parental_level_of_education: str,
        lunch: str,
        test_preparation_course: str,
        reading_score: float,
        writing_score: float,
    ) -> dict[str, float]:
        row = {name: value for name, value in locals().items() if name != "self"}
        feed = {
            name: np.array([[v]], dtype=object if isinstance(v, str) else np.double)
            for name, v in row.items()
        }
        (prediction,) = self.session.run(["prediction"], feed)
        return {"prediction": prediction.item()}
