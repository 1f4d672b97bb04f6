"""A BentoML service on the pickled scikit-learn pipeline."""

import os

import bentoml
import joblib
import pandas as pd

label = "BentoML + scikit-learn"
requirements = ("bentoml==1.4.39", "pandas==3.1.1", "scikit-learn==1.9.1")
command = (
    "env",
    "BENTOML_DO_NOT_TRACK=true",
    "{bin}/bentoml",
    "serve",
    "bench.contenders.bentoml_sklearn:Scores",
    "--port={port}",
)


@bentoml.service(
    workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False}
)
class Scores:
    def __init__(self) -> None:
        self.pipeline = joblib.load(os.environ["BENCH_PIPELINE"])

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
        return {"prediction": self.pipeline.predict(pd.DataFrame([row])).item()}
