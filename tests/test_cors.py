"""Pages of other origins: what their browsers are told, and what one of them does."""

from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from server.cors import EXPOSED, Cors
from server.settings import InvalidSetting
from tests.models import make_model, make_row
from tests.screenshot import CHROMIUM
from tests.servers import asking, running_server
from tests.test_access import KEYS, SUMS

APP = "https://app.example"
LISTED = f"{APP} http://localhost:3000"
VARY = (b"vary", b"Origin")
ASKED = [
    (b"origin", APP.encode()),
    (b"access-control-request-method", b"POST"),
    (b"access-control-request-headers", b"authorization, content-type"),
]


def told(origin: bytes) -> Sequence[tuple[bytes, bytes]]:
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", EXPOSED),
    )


@pytest.mark.parametrize(
    ("origins", "headers", "fields"),
    [
        ("*", [(b"origin", b"https://x")], told(b"*")),
        ("*", [], told(b"*")),
        (f"{APP} *", [], told(b"*")),
        (LISTED, [], (VARY,)),
        (LISTED, [(b"origin", APP.encode())], (*told(APP.encode()), VARY)),
        (
            LISTED,
            [(b"origin", b"http://localhost:3000")],
            (*told(b"http://localhost:3000"), VARY),
        ),
        (LISTED, [(b"origin", b"http://localhost:3001")], (VARY,)),
        (LISTED, [(b"origin", b"https://app.example.evil")], (VARY,)),
        (LISTED, [(b"origin", b"http://app.example")], (VARY,)),
        (LISTED, [(b"origin", b"null")], (VARY,)),
        ("null", [(b"origin", b"null")], (*told(b"null"), VARY)),
        (
            "HTTPS://App.Example",
            [(b"origin", APP.encode())],
            (*told(APP.encode()), VARY),
        ),
    ],
)
def test_an_answer_says_who_may_read_it(
    origins: str,
    headers: list[tuple[bytes, bytes]],
    fields: Sequence[tuple[bytes, bytes]],
) -> None:
    assert tuple(Cors(origins).fields(headers)) == fields


VARIES = (b"vary", b"Origin, Access-Control-Request-Headers")
ALWAYS = (
    (b"access-control-allow-origin", APP.encode()),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, OPTIONS"),
)
AGE = (b"access-control-max-age", b"7200")


@pytest.mark.parametrize(
    ("method", "headers", "fields"),
    [
        (
            "OPTIONS",
            ASKED,
            (
                *ALWAYS,
                (b"access-control-allow-headers", b"authorization, content-type"),
                AGE,
                VARIES,
            ),
        ),
        ("OPTIONS", ASKED[:2], (*ALWAYS, AGE, VARIES)),
        (
            "OPTIONS",
            [*ASKED[:2], (b"access-control-request-headers", b"a b")],
            (*ALWAYS, AGE, VARIES),
        ),
        ("OPTIONS", [(b"origin", b"https://x"), ASKED[1]], (VARIES,)),
        ("OPTIONS", ASKED[:1], None),
        ("OPTIONS", ASKED[1:], None),
        ("POST", ASKED, None),
    ],
)
def test_a_browser_that_asks_before_its_script_is_told_what_that_may(
    method: str,
    headers: list[tuple[bytes, bytes]],
    fields: Sequence[tuple[bytes, bytes]] | None,
) -> None:
    assert Cors(LISTED).preflight(method, headers) == fields


@pytest.mark.parametrize(
    "word", ["app.example", "https://", "https://a.example/", "https://*.a", "a,b"]
)
def test_what_is_no_origin_is_refused(word: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        Cors(f"{APP} {word}")

    assert str(refusal.value) == (
        f"--cors-origins has {word!r}; expected * or a scheme with a host, as "
        "https://app.example, without a path"
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    return path


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[httpx.Client]:
    flags = ("--cors-origins", LISTED, "--keys", SUMS[0])
    with asking(model, *flags) as client:
        client.headers["origin"] = APP
        yield client


@pytest.mark.parametrize(
    ("method", "path", "row", "status"),
    [
        ("POST", "/predict", make_row(), 200),  # at once
        ("POST", "/predict?include=warnings", make_row(), 200),
        ("POST", "/predict", make_row(gender="neither"), 422),
        ("GET", "/models", None, 200),
        ("HEAD", "/models", None, 200),
        ("GET", "/nowhere", None, 404),
        ("DELETE", "/predict", None, 405),
        ("OPTIONS", "/predict", None, 204),
    ],
)
def test_every_answer_may_be_read_also_an_error(
    client: httpx.Client, method: str, path: str, row: object, status: int
) -> None:
    for key, expected in ((KEYS[0], status), ("none", 401)):
        headers = {"authorization": f"Bearer {key}"}
        answer = client.request(method, path, json=row, headers=headers)
        other = client.request(
            method, path, json=row, headers={**headers, "origin": "https://x"}
        )

        assert answer.status_code == expected
        assert answer.headers["access-control-allow-origin"] == APP
        assert answer.headers["vary"] == other.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in other.headers


def test_a_preflight_needs_no_key(client: httpx.Client) -> None:
    headers = {name.decode(): value.decode() for name, value in ASKED}

    answer = client.request("OPTIONS", "/predict", headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-headers"] == (
        "authorization, content-type"
    )


def test_without_the_setting_nothing_is_said_of_other_origins(model: Path) -> None:
    with asking(model) as client:
        client.headers["origin"] = APP
        answer = client.post("/predict", json=make_row())
        asked = client.request(
            "OPTIONS", "/predict", headers={"access-control-request-method": "POST"}
        )

    assert not [name for name in answer.headers if name.startswith("access")]
    assert asked.headers["allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    assert not [name for name in asked.headers if name.startswith("access")]


class Blank(BaseHTTPRequestHandler):
    """Another origin, with a page that has nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ASK = """\
([url, row, key]) => fetch(url + "/predict", {
  method: "POST",
  headers: {"content-type": "application/json", "x-api-key": key,
            "x-request-id": "of-the-page", "prefer": "timing"},
  body: JSON.stringify(row),
}).then(
  async (answer) => [answer.status, answer.headers.get("model-name"),
    answer.headers.get("x-request-id"), answer.headers.has("server-timing"),
    await answer.json()],
  (error) => error.name)
"""


@pytest.mark.external
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_a_page_of_another_origin_reads_what_it_may(model: Path) -> None:
    from playwright.sync_api import sync_playwright

    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{other.server_port}"
        flags = ("--keys", SUMS[0], "--cors-origins")
        with (
            running_server(model, *flags, origin) as served,
            running_server(model, *flags, APP) as closed,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page()
            page.goto(origin)
            good, bad, refused, unread = (
                page.evaluate(ASK, [url, row, key])
                for url, row, key in (
                    (served.url, make_row(), KEYS[0]),
                    (served.url, make_row(gender="neither"), KEYS[0]),
                    (served.url, make_row(), "none"),
                    (closed.url, make_row(), KEYS[0]),
                )
            )
            browser.close()
        other.shutdown()

    assert good == [200, "student", "of-the-page", True, {"prediction": 80.0}]
    assert bad[:4] == [422, "student", "of-the-page", True]
    assert refused[:4] == [401, None, "of-the-page", True]
    assert unread == "TypeError"
