"""Whose word counts for who has asked."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.proxies import Proxies
from server.settings import InvalidSetting
from tests.containers import free_port
from tests.models import make_model, make_row
from tests.servers import asking, running_server
from tests.tools import tool

PEER = "10.0.0.1"
TRUSTED = "10.0.0.0/8 2001:db8::/32 192.0.2.7"


def forwarded(*values: str, name: str = "x-forwarded-for") -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for value in values]


@pytest.mark.parametrize(
    ("peer", "values", "client"),
    [
        (PEER, [], PEER),
        (PEER, ["198.51.100.9"], "198.51.100.9"),
        ("198.51.100.1", ["198.51.100.9"], "198.51.100.1"),
        (PEER, ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        (PEER, ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
        (PEER, ["203.0.113.5, 198.51.100.9,10.9.9.9 , 192.0.2.7"], "198.51.100.9"),
        (PEER, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (PEER, ["203.0.113.5, unknown, 10.0.0.2"], "10.0.0.2"),
        (PEER, [""], PEER),
        (PEER, ["198.51.100.9:1234"], "198.51.100.9"),
        (PEER, ["[2001:db9::1]:1234"], "2001:db9::1"),
        (PEER, ["2001:DB9:0::1"], "2001:db9::1"),
        (PEER, ["2001:db9::1, [2001:db8::5]"], "2001:db9::1"),
        ("2001:db8::1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("::ffff:10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("192.0.2.8", ["198.51.100.9"], "192.0.2.8"),
        (PEER, [", ".join(["203.0.113.5"] + ["10.0.0.2"] * 20)], "10.0.0.2"),
    ],
)
def test_the_client_is_the_last_whom_no_trusted_proxy_is(
    peer: str, values: list[str], client: str
) -> None:
    assert Proxies(TRUSTED).client(peer, forwarded(*values)) == client


@pytest.mark.parametrize(
    ("values", "client"),
    [
        (["for=198.51.100.9"], "198.51.100.9"),
        (['for="[2001:db9::1]:4711";proto=https'], "2001:db9::1"),
        (["For=203.0.113.5, proto=http;FOR=198.51.100.9"], "198.51.100.9"),
        (["for=198.51.100.9, for=_hidden"], PEER),
        (["proto=https"], PEER),
    ],
)
def test_the_standard_field_is_read_where_the_usual_one_is_not_there(
    values: list[str], client: str
) -> None:
    headers = forwarded(*values, name="forwarded")
    proxies = Proxies(TRUSTED)

    assert proxies.client(PEER, headers) == client
    assert proxies.client(PEER, [*headers, *forwarded("192.0.2.1")]) == "192.0.2.1"


@pytest.mark.parametrize(
    ("client", "headers", "revealed"),
    [
        ([PEER, 5], forwarded("192.0.2.1"), (("192.0.2.1", 0), "http")),
        ([PEER, 5], [], ([PEER, 5], "http")),
        (
            [PEER, 5],
            forwarded("http, HTTPS", name="x-forwarded-proto"),
            ([PEER, 5], "https"),
        ),
        (
            [PEER, 5],
            forwarded("for=192.0.2.1;proto=https", name="forwarded"),
            (("192.0.2.1", 0), "https"),
        ),
        (
            [PEER, 5],
            forwarded("gopher", name="x-forwarded-proto"),
            ([PEER, 5], "http"),
        ),
        (
            ["192.0.2.1", 5],
            [*forwarded("192.0.2.9"), *forwarded("https", name="x-forwarded-proto")],
            (["192.0.2.1", 5], "http"),
        ),
        (["testclient", 5], forwarded("192.0.2.9"), (["testclient", 5], "http")),
        (None, forwarded("192.0.2.1"), (("192.0.2.1", 0), "http")),
        ("", forwarded("192.0.2.1"), (("192.0.2.1", 0), "http")),
    ],
)
def test_a_scope_has_the_client_and_the_scheme_that_the_proxy_tells(
    client: Any, headers: list[tuple[bytes, bytes]], revealed: tuple[Any, str]
) -> None:
    scope = {"client": client, "scheme": "http", "headers": headers}

    Proxies(f"{TRUSTED} unix").reveal(scope)

    assert (scope["client"], scope["scheme"]) == revealed


def test_each_client_of_a_proxy_has_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model())
    flags = ("--trusted-proxies", "127.0.0.1", "--max-rate-per-address", "1")
    with asking(path, *flags) as client:
        statuses = [
            client.get("/models", headers={"x-forwarded-for": address}).status_code
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.3")
        ]

    assert statuses == [200, 200, 200, 429]


def test_a_socket_is_not_trusted_unless_it_is_said() -> None:
    assert Proxies("0.0.0.0/0 ::/0").client("", forwarded("192.0.2.1")) == ""


@pytest.mark.parametrize("word", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_what_is_no_address_is_refused(word: str) -> None:
    with pytest.raises(
        InvalidSetting, match=f"--trusted-proxies: '?{word}.*; expected"
    ):
        Proxies(f"{PEER} {word}")


CADDYFILE = """\
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	handle_path /stripped/* {{
		reverse_proxy {upstream}
	}}
	handle /kept* {{
		reverse_proxy {upstream}
	}}
}}
"""


@contextmanager
def caddy(folder: Path, upstream: str) -> Iterator[str]:
    """Run a proxy before a server, and give its URL."""
    port = free_port()
    file = folder / "Caddyfile"
    file.write_text(CADDYFILE.format(port=port, upstream=upstream))
    words = ("run", "--config", str(file), "--adapter", "caddyfile")
    command = [str(tool("caddy")), *words]
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate()


@pytest.mark.external
@pytest.mark.parametrize("prefix", ["/stripped", "/kept"])
def test_behind_a_proxy_with_a_prefix_links_and_addresses_are_right(
    tmp_path: Path, prefix: str
) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model())
    flags = ("--root-path", prefix, "--trusted-proxies", "127.0.0.1")
    with (
        running_server(path, *flags, "--access-log", "stderr") as served,
        caddy(tmp_path, served.url.removeprefix("http://")) as url,
        httpx.HTTPTransport(local_address="127.0.0.2", retries=9) as transport,
        httpx.Client(base_url=url, transport=transport) as client,
    ):
        page = client.get(f"{prefix}/", headers={"accept": "text/html"})
        form = client.post(f"{prefix}/?model=student", data={"gender": "male"})
        (listed,) = client.get(f"{prefix}/models").json()["models"]
        model = client.get(listed["url"])
        predicted = client.post(f"{prefix}/predict", json=make_row())
        refused = client.post(f"{prefix}/predict", json=make_row(gender="neither"))
        described = client.get(refused.json()["type"])
        lost = client.get(f"{prefix}/modells")
        served.process.terminate()
        assert served.process.stderr is not None
        lines = [json.loads(line) for line in served.process.stderr]

    assert '<form method="post" action="?model=student">' in page.text
    assert form.status_code == 200
    assert predicted.json() == {"prediction": 80.0}
    assert refused.json()["type"] == f"{prefix}/problems/invalid-batch"
    assert described.text.startswith("Rows do not match")
    assert lost.json()["detail"] == (
        f"There is nothing at {prefix}/modells; there is {prefix}/models."
    )
    assert model.json()["name"] == "student"
    assert [line["client"] for line in lines] == ["127.0.0.2"] * 8
