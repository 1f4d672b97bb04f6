"""What is counted: for Prometheus, and as Triton tells it."""

from collections.abc import Iterator

from server.metrics.exposition import MEDIA_TYPE
from server.openapi.inference import V2
from server.openapi.native import PROBES, TEXT_SCHEMA
from server.openapi.operation import JSON, Operation
from server.openapi.schemas import PREFIX
from server.openapi.served import Served
from server.openapi.shapes import ERROR
from server.problems import UnknownModel


def operations(served: Served) -> Iterator[Operation]:
    """Yield what tells of it; without examples, as it changes with each request."""
    if not served.settings.metrics:
        return
    yield Operation(
        method="GET",
        route="/metrics",
        name="metrics",
        tag=PROBES,
        summary="Requests, latencies, rows, refusals and drift, for Prometheus",
        answers={200: {MEDIA_TYPE: TEXT_SCHEMA}},
    )
    model, version = served.model, served.version
    places = [
        ("/v2/models/{name}/stats", [model], ""),
        ("/v2/models/{name}/versions/{version}/stats", [model, version], "_version"),
    ]
    if "stats" not in served.endpoints:  # it has its metadata there
        places.append(("/v2/models/stats", [], "_all"))
    for route, parameters, suffix in places:
        yield Operation(
            method="GET",
            route=route,
            name=f"v2_stats{suffix}",
            tag=V2,
            summary="Requests and runs, as Triton counts them",
            parameters=parameters,
            answers={200: {JSON: {"$ref": f"{PREFIX}Statistics"}}},
            refusals=[UnknownModel] if parameters else [],
            shape=ERROR,
        )
