"""What stands before the application: the prefix of a proxy, ids, and what is kept."""

from typing import Any

import pytest

from server.edge import UNIQUE, Edge
from server.settings import InvalidSetting, read_settings
from tests.connections import OTHER, ROW, ask, post, run, serving
from tests.models import make_row

ID = b"X-Request-Id: of-mine"
ROOT = ["--root-path", "/api"]


async def nobody(*_: object) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/api/predict", "/predict"),
        ("/predict", "/predict"),
        ("/api", "/"),
        ("/api/", "/"),
        ("/apis", "/apis"),
        ("/api/api/predict", "/api/predict"),
    ],
)
def test_a_prefix_is_taken_away_once_where_it_is(path: str, inner: str) -> None:
    assert Edge(nobody, read_settings(ROOT)).inner_path(path) == inner


def test_without_a_prefix_a_path_is_what_it_is() -> None:
    assert Edge(nobody, read_settings([])).inner_path("/api/predict") == "/api/predict"


@pytest.mark.parametrize("path", ["api", "/", "/api/", "/a b", "/a?b", '/"', "//a"])
def test_what_is_no_prefix_is_refused(path: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        Edge(nobody, read_settings(["--root-path", path]))

    assert str(refusal.value) == (
        f"--root-path is {path!r}; expected a path such as /models-api, with no slash at "
        "its end"
    )


@pytest.mark.parametrize("target", [b"/predict", b"/api/predict"])
def test_both_paths_are_answered_at_once(target: bytes) -> None:
    async def scenario() -> tuple[list[bytes], list[str]]:
        async with serving(settings=ROOT) as served:
            stream = await served.connect()
            return await ask(stream, post(make_row(), target=target)), served.app.paths

    (answer,), paths = run(scenario)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert paths == []


def test_an_id_is_sent_back_on_both_ways() -> None:
    requests = [
        post(make_row(), ID),
        post(make_row(), ID, target=b"/predict?include=warnings"),
        post(make_row(gender="neither"), ID),
        post(make_row(), ID, b"Expect: 200-ok"),
        post(make_row(), b"X-Request-Id: a b"),
    ]

    async def scenario() -> tuple[list[bytes], list[str]]:
        async with serving() as served:
            stream = await served.connect()
            answers = [(await ask(stream, each))[0] for each in requests]
            return answers, served.app.paths

    (at_once, *others, unsaid), paths = run(scenario)
    assert paths == ["/predict"] * 3
    assert at_once == others[-1]
    for each in (at_once, *others):
        assert b"\r\nx-request-id: of-mine\r\n" in each
    assert b"x-request-id" not in unsaid


def test_a_head_that_comes_but_once_is_not_kept() -> None:
    async def scenario() -> Any:
        async with serving() as served:
            find: Any = served._find_hot
            stream = await served.connect()
            for number in range(3):
                await ask(stream, ROW, OTHER, n_responses=2)
                for name in UNIQUE:
                    await ask(stream, post(make_row(), b"%b: %d" % (name, number)))
            assert served.app.paths == []
            return find.cache_info()

    assert run(scenario).currsize == 1


def test_who_wants_to_be_timed_goes_the_ordinary_way() -> None:
    async def scenario() -> list[str]:
        async with serving() as served:
            stream = await served.connect()
            await ask(stream, post(make_row(), b"Prefer: timing"))
            return served.app.paths

    assert run(scenario) == ["/predict"]
