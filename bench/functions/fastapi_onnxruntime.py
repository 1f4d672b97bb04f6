"""FastAPI on onnxruntime's Python binding, behind Mangum."""

from mangum import Mangum

from bench.contenders.fastapi_onnxruntime import app
from bench.functions import answer_once

label = "FastAPI + onnxruntime"
requirements = (
    "fastapi==0.165.0",
    "mangum==0.22.0",
    "onnxruntime==1.31.1",
)
command = ("{bin}/python", "-m", "bench.functions.fastapi_onnxruntime", "{event}")

if __name__ == "__main__":
    answer_once(Mangum(app, lifespan="off"))
