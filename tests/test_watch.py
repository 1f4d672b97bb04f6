"""A model is replaced while it is asked, by a whole file or not at all."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.models import Models
from server.settings import read_settings
from server.signature import GoldenRow
from tests.models import make_model, make_row, make_signature
from tests.servers import Served, running_server

VERSIONS = ("0" * 12, "1" * 12)


def write(path: Path, name: str = "student", version: str = VERSIONS[0]) -> Path:
    """Replace a model's file at once, as `convert` does.

    What it predicts of the row is in its version: one more than that number.
    """
    prediction = 1.0 + int(version, 16)
    golden = GoldenRow(row=make_row(), predictions=(prediction,))
    signature = make_signature(name=name, version=version, golden_rows=(golden,))
    new = path.with_suffix(".new")
    new.write_bytes(make_model(signature, baseline=prediction - 14.0))
    return new.replace(path)


@contextmanager
def watching(folder: Path, *arguments: str) -> Iterator[Served]:
    with running_server("--models-folder", folder, *arguments) as served:
        yield served


def await_models(served: Served, expected: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 20
    while True:
        found = httpx.get(f"{served.url}/models").json()
        if expected(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def versions(document: Any) -> dict[str, str]:
    return {each["name"]: each["version"] for each in document["models"]}


def is_served(version: str, document: Any) -> bool:
    return versions(document)["student"] == version


def test_a_file_that_is_replaced_is_served_as_it_is_now(tmp_path: Path) -> None:
    write(tmp_path / "a.onnx")
    with watching(tmp_path, "--reload-seconds", "1") as served:
        write(tmp_path / "a.onnx", version=VERSIONS[1])
        found = await_models(served, lambda it: versions(it)["student"] == VERSIONS[1])

    assert "refused" not in found


def test_new_files_are_served_and_removed_ones_no_longer(tmp_path: Path) -> None:
    write(tmp_path / "a.onnx", "a")
    with watching(tmp_path, "--reload-seconds", "1") as served:
        write(tmp_path / "b.onnx", "b")
        both = await_models(served, lambda it: len(it["models"]) == 2)
        (tmp_path / "a.onnx").unlink()
        last = await_models(served, lambda it: len(it["models"]) == 1)
        answer = httpx.post(f"{served.url}/predict", json=make_row())

    # what answered /predict goes on to, and b is the only one at the end
    assert (both["default"], last["default"]) == ("a", "b")
    assert (list(versions(last)), answer.json()) == (["b"], {"prediction": 1.0})


@pytest.mark.parametrize(
    ("damage", "detail"),
    [
        (lambda path: path.write_bytes(b"no model"), "a.onnx: not a whole model file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "a.onnx: "),
        (lambda path: write(path, name="b"), "a.onnx: another model is named 'b'"),
        (
            lambda path: write(path, "a", VERSIONS[1]).chmod(0),
            "a.onnx: Permission denied",
        ),
        (Path.unlink, None),
    ],
)
def test_whatever_becomes_of_a_file_its_model_goes_on_or_is_gone(
    tmp_path: Path, damage: Callable[[Path], Any], detail: str | None
) -> None:
    if detail and "Permission" in detail and os.geteuid() == 0:
        pytest.skip("root reads everything")
    path = write(tmp_path / "a.onnx", "a")
    write(tmp_path / "0.onnx", "b")
    settings = read_settings(["--models-folder", str(tmp_path)])
    before = Models.load(settings)
    damage(path)

    after = before.reloaded(settings)

    names = [model.signature.name for model in after.by_path.values()]
    assert names == (["b", "a"] if detail else ["b"])
    assert [
        why.startswith(f"{tmp_path}/{detail}") for why in after.refused.values()
    ] == ([True] if detail else [])
    assert after.reloaded(settings) == after


def test_the_last_model_goes_on_without_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx")
    settings = read_settings(["--models-folder", str(tmp_path)])
    before = Models.load(settings)
    path.unlink()
    after = before.reloaded(settings)

    assert after.by_path == before.by_path
    assert list(after.refused) == [tmp_path]


def test_without_the_model_of_the_default_all_stay(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", "a")
    write(tmp_path / "b.onnx", "b")
    settings = read_settings(["--models-folder", str(tmp_path), "--default", "a"])
    before = Models.load(settings)
    path.unlink()
    after = before.reloaded(settings)

    assert after.by_path == before.by_path
    assert list(after.refused.values()) == [
        "--default or PINION_DEFAULT is 'a'; the models are: b"
    ]


def test_a_signal_looks_at_once_also_where_nobody_watches(tmp_path: Path) -> None:
    write(tmp_path / "a.onnx")
    with watching(tmp_path, "--reload-seconds", "0") as served:
        write(tmp_path / "a.onnx", version=VERSIONS[1])
        time.sleep(0.5)
        before = httpx.get(f"{served.url}/models").json()
        served.process.send_signal(signal.SIGHUP)
        await_models(served, lambda it: versions(it)["student"] == VERSIONS[1])

    assert versions(before) == {"student": VERSIONS[0]}


def test_a_file_that_is_still_written_is_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx")
    content = make_model(make_signature(version=VERSIONS[1]))
    lines = []
    with watching(tmp_path, "--reload-seconds", "1") as served:
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(content), len(content) // 25):
                file.write(content[start : start + len(content) // 25])
                time.sleep(0.1)
        await_models(served, lambda it: versions(it)["student"] == VERSIONS[1])
        served.process.terminate()
        assert served.process.stderr is not None
        lines = served.process.stderr.readlines()

    (line,) = lines
    assert line.endswith(f" WARNING serving student {VERSIONS[1]}\n")


def swap(folder: Path, n_swaps: int) -> tuple[list[str], set[tuple[str, float]], int]:
    """Replace a model under load, every third time by what is none.

    Returns
    -------
    tuple
        What was not answered with 200, the versions with what they answered, and how
        many requests there were.
    """
    damages: list[Callable[[bytes], bytes]] = [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content[:99] + bytes([content[99] ^ 1]) + content[100:],
        lambda content: b"<html>",
    ]
    path = write(folder / "a.onnx")
    failed: list[str] = []
    seen: set[tuple[str, float]] = set()
    n_requests = 0
    is_over = threading.Event()

    def ask(url: str) -> None:
        nonlocal n_requests
        with httpx.Client(base_url=url, timeout=20) as client:
            for rows in itertools.cycle([make_row(), [make_row()] * 200]):
                if is_over.is_set():
                    return
                n_requests += 1
                try:
                    answer = client.post("/predict", json=rows)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    failed.append(repr(error))
                    continue
                (value,) = answer.json().values()
                first = value[0] if isinstance(value, list) else value
                seen.add((answer.headers["model-version"], first))

    with watching(folder, "--reload-seconds", "0") as served:
        threads = [threading.Thread(target=ask, args=[served.url]) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(n_swaps):
                version = f"{number:012x}"
                if number % 3 == 2:
                    content = path.read_bytes()
                    path.write_bytes(damages[number // 3 % 4](content))
                    served.process.send_signal(signal.SIGHUP)
                    await_models(served, lambda it: "refused" in it)
                else:
                    write(path, version=version)
                    served.process.send_signal(signal.SIGHUP)
                    await_models(served, partial(is_served, version))
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
    return failed, seen, n_requests


def test_no_request_fails_while_its_model_is_replaced(tmp_path: Path) -> None:
    failed, seen, n_requests = swap(tmp_path, 9)

    assert failed == []
    assert n_requests > 9
    assert len(seen) > 1
    assert [one for one in seen if 1 + int(one[0], 16) != one[1]] == []


@pytest.mark.slow
def test_no_request_fails_over_a_hundred_replacements(tmp_path: Path) -> None:
    failed, seen, n_requests = swap(tmp_path, 100)

    assert failed == []
    assert n_requests > 100
    assert [one for one in seen if 1 + int(one[0], 16) != one[1]] == []
