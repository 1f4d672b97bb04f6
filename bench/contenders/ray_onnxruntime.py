"""One Ray Serve replica on onnxruntime's Python binding."""

import os
import sys
import time

import numpy as np
from onnxruntime import InferenceSession, SessionOptions
from ray import serve
from starlette.requests import Request

label = "Ray Serve + onnxruntime"
requirements = ("numpy==2.4.6", "onnxruntime==1.31.1", "ray[serve]==2.60.0")
command = (
    "env",
    "RAY_USAGE_STATS_ENABLED=0",
    "{bin}/python",
    "-m",
    "bench.contenders.ray_onnxruntime",
    "{port}",
)


@serve.deployment(num_replicas=1, logging_config={"enable_access_log": False})
class Scores:
    def __init__(self) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self.session = InferenceSession(os.environ["BENCH_MODEL"], options)

    async def __call__(self, request: Request) -> dict[str, float]:
        row = await request.json()
        feed = {
            name: np.array([[v]], dtype=object if isinstance(v, str) else np.double)
            for name, v in row.items()
        }
        (prediction,) = self.session.run(["prediction"], feed)
        return {"prediction": prediction.item()}


if __name__ == "__main__":
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Scores.bind(), route_prefix="/predict")  # type: ignore[attr-defined]
    while True:
        time.sleep(3600)
