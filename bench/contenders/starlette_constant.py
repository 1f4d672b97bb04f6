"""The least that a Starlette route costs."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

label = "Starlette, constant route"
requirements = ("--no-deps", "--require-hashes", "-r", "requirements-inference.txt")
command = (
    "{bin}/uvicorn",
    "bench.contenders.starlette_constant:app",
    "--port={port}",
    "--no-access-log",
)

ANSWER = os.environ["BENCH_ANSWER"]


async def predict(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
