"""Ray Serve, for real: a replica is killed while clients ask, and no answer is missing."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tests.engines import ask_alone
from tests.ray_cluster import FOLDER, Cluster, running_cluster
from tests.servers import running_server

pytestmark = pytest.mark.engines

N_CLIENTS = 4
LOAD_S = 3.0
"""Before the kill, and after there are two replicas again."""
SUSPENDED_S = 1.0
REPLACED_S = 120.0
MAX_KILLS = 5
"""Ray may have asked the other replica just then, and nobody noticed this one's end."""
ROWS: list[dict[str, Any]] = [{"reading_score": float(score)} for score in range(101)]


def client(retries: list[float]) -> Callable[..., Any]:
    """Return the client of the guide, which notes each retry."""
    guide = (FOLDER / "README.md").read_text("utf-8")
    program = guide.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(program, names)  # the guide's own

    def pause(seconds: float) -> None:
        retries.append(seconds)
        time.sleep(seconds)

    names["time"] = SimpleNamespace(sleep=pause)
    predict: Callable[..., Any] = names["predict"]
    return predict


def kill_a_replica(cluster: Cluster) -> None:
    """Kill one that is busy, and wait until another has taken its place."""
    time.sleep(LOAD_S)
    before = cluster.replicas()
    assert len(before) == 2
    killed = next(iter(before))
    before[killed].suspend()  # with what it was asked: it is too quick to be met busy
    time.sleep(SUSPENDED_S)
    before[killed].kill()
    deadline = time.monotonic() + REPLACED_S
    while killed in (now := cluster.replicas()) or len(now) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(LOAD_S)


class Outcome(NamedTuple):
    """What the clients got beside what they should have got, and how often twice."""

    pairs: list[tuple[Any, Any]]
    n_retries: int


def lose_a_replica(folder: Path, report: Callable[[Cluster], None]) -> Outcome:
    """Ask a cluster while replicas are killed, until a client had to ask again."""
    retries: list[float] = []
    predict = client(retries)
    with running_server() as served:
        expected = [answer.prediction for answer in ask_alone(served.url, ROWS)]
    is_over = threading.Event()

    def ask(url: str) -> list[tuple[Any, Any]]:
        pairs = []
        while not is_over.is_set():
            for row, prediction in zip(ROWS, expected, strict=True):
                answer = predict(row, f"{url}/predict")
                pairs.append((answer, {"prediction": prediction}))
        return pairs

    with running_cluster(folder) as cluster, ThreadPoolExecutor(N_CLIENTS) as pool:
        report(cluster)
        asked = [pool.submit(ask, cluster.url) for _ in range(N_CLIENTS)]
        try:
            for _ in range(MAX_KILLS):
                kill_a_replica(cluster)
                if retries:
                    break
        finally:
            is_over.set()
        pairs = [pair for each in asked for pair in each.result(timeout=60)]
    return Outcome(pairs, len(retries))


def test_no_request_is_lost_with_a_replica_that_is_killed(tmp_path: Path) -> None:
    outcome = lose_a_replica(tmp_path, lambda _: None)

    assert [pair for pair in outcome.pairs if pair[0] != pair[1]] == []
    assert len(outcome.pairs) >= N_CLIENTS * len(ROWS)
    assert 0 < outcome.n_retries <= N_CLIENTS  # of the last kill: before it, none
