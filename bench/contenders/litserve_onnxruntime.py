"""LitServe on onnxruntime's Python binding."""

import os
import sys
from typing import Any

import litserve
import numpy as np
from onnxruntime import InferenceSession, SessionOptions

label = "LitServe + onnxruntime"
requirements = ("litserve==0.2.19", "onnxruntime==1.31.1", "numpy==2.4.6")
command = ("{bin}/python", "-m", "bench.contenders.litserve_onnxruntime", "{port}")


class Scores(litserve.LitAPI):
    def setup(self, device: str) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self.session = InferenceSession(os.environ["BENCH_MODEL"], options)

    def decode_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            name: np.array([[v]], dtype=object if isinstance(v, str) else np.double)
            for name, v in request.items()
        }

    def predict(self, feed: dict[str, Any]) -> float:
        (prediction,) = self.session.run(["prediction"], feed)
        return float(prediction.item())

    def encode_response(self, prediction: float) -> dict[str, float]:
        return {"prediction": prediction}


if __name__ == "__main__":
    server = litserve.LitServer(Scores(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), log_level="error", generate_client_file=False)
