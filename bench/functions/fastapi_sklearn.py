"""FastAPI on the pickled scikit-learn pipeline, behind Mangum."""

from mangum import Mangum

from bench.contenders.fastapi_sklearn import app
from bench.functions import answer_once

label = "FastAPI + scikit-learn + pandas"
requirements = (
    "fastapi==0.165.0",
    "mangum==0.22.0",
    "pandas==3.1.1",
    "scikit-learn==1.9.1",
)
command = ("{bin}/python", "-m", "bench.functions.fastapi_sklearn", "{event}")

if __name__ == "__main__":
    answer_once(Mangum(app, lifespan="off"))
