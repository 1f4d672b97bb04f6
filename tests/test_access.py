"""Keys, hosts and rates: who may ask, and how often."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest

from server import access, bucket
from server.access import Access, Rates
from server.problems import MisdirectedRequest, TooManyRequests, Unauthorized
from server.settings import InvalidSetting, read_settings
from tests.models import make_model, make_row
from tests.servers import ROOT, running_server

KEYS = ("first key", "second key")
SUMS = tuple(hashlib.sha256(key.encode()).hexdigest() for key in KEYS)


def make_access(*arguments: str) -> Access:
    return Access(read_settings(arguments, {}))


def test_without_keys_hosts_and_rates_everybody_may() -> None:
    everybody = make_access()

    everybody.count(everybody.admit("/predict", []), "192.0.2.1")
    assert not everybody.has_rates


@pytest.mark.parametrize(
    "field",
    [
        (b"authorization", b"Bearer first key"),
        (b"authorization", b"bearer second key"),
        (b"x-api-key", b"first key"),
        (b"x-api-key", b" second key "),
    ],
)
def test_each_of_several_keys_is_let_in(field: tuple[bytes, bytes]) -> None:
    keys = make_access("--keys", " ".join(SUMS))

    name = keys.admit("/predict", [(b"host", b"x"), field])

    assert name == SUMS[b"second" in field[1]]


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ([], "is missing"),
        ([(b"authorization", b"Basic first key")], "is missing"),
        ([(b"authorization", b"Bearer")], "is missing"),
        ([(b"authorization", b"Bearer third key")], "is not known"),
        ([(b"authorization", b"Bearer " + SUMS[0].encode())], "is not known"),
        ([(b"x-api-key", b"\xff\x00")], "is not known"),
    ],
)
def test_whoever_has_no_key_is_told_how_to_send_one(
    fields: list[tuple[bytes, bytes]], given: str
) -> None:
    keys = make_access("--keys", SUMS[0])

    with pytest.raises(Unauthorized) as refusal:
        keys.admit("/models", fields)
    assert refusal.value.detail == (
        f"The key {given}; send Authorization: Bearer KEY or X-API-Key: KEY."
    )


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_balancers_need_no_key_and_no_name(path: str) -> None:
    make_access("--keys", SUMS[0], "--hosts", "a.example").admit(path, [])


def test_a_file_of_keys_names_them(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\n{SUMS[0]}  -\n{SUMS[1]} the shop\n")
    keys = make_access("--keys-file", str(path))

    assert keys.admit("/", [(b"x-api-key", KEYS[1].encode())]) == "the shop"
    assert keys.admit("/", [(b"x-api-key", KEYS[0].encode())]) == "-"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "--keys-file {path}: No such file or directory"),
        (b"", "--keys-file {path} has no key"),
        (b"# nothing\n", "--keys-file {path} has no key"),
        (b"\xff", "--keys-file {path}: not text in UTF-8"),
        (
            b"\nfirst key\n",
            "{path}, line 2 is no SHA-256 of a key; expected 64 digits of base 16, as "
            "sha256sum prints them",
        ),
        (
            SUMS[0].upper().encode(),
            "{path}, line 1 is no SHA-256 of a key; expected 64 digits of base 16, as "
            "sha256sum prints them",
        ),
    ],
)
def test_a_file_that_lists_no_keys_is_a_wrong_setting(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InvalidSetting) as refusal:
        make_access("--keys-file", str(path))
    assert str(refusal.value) == sentence.format(path=path)


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        (b"a.example", True),
        (b"A.Example:8080", True),
        (b"b.example", True),
        (b"[::1]:80", True),
        (b"[::1]", True),
        (b"c.example", False),
        (b"a.example.evil", False),
        (b"", False),
    ],
)
def test_only_the_hosts_that_are_named_are_served(host: bytes, is_served: bool) -> None:
    hosts = make_access("--hosts", "a.example B.example [::1]")
    fields = [(b"host", host)]
    if is_served:
        hosts.admit("/predict", fields)
        return
    with pytest.raises(MisdirectedRequest):
        hosts.admit("/predict", fields)


@contextmanager
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr(bucket, "monotonic", lambda: now[0])
    yield now


def n_taken(rates: Rates, caller: str, n_asked: int) -> int:
    taken = 0
    for _ in range(n_asked):
        try:
            rates.take(caller)
        except TooManyRequests:
            continue
        taken += 1
    return taken


def test_a_rate_is_so_many_a_second_and_as_many_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with clock(monkeypatch) as now:
        rates = Rates(4)
        at_once = n_taken(rates, "a", 9)
        now[0] += 0.5
        later = n_taken(rates, "a", 9)
        now[0] += 3600
        after_a_pause = n_taken(rates, "a", 9)
        of_another = n_taken(rates, "b", 9)

    assert (at_once, later, after_a_pause, of_another) == (4, 2, 4, 4)


def test_the_rates_of_silent_callers_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "MAX_CALLERS", 3)
    with clock(monkeypatch):
        rates = Rates(1)
        first = [n_taken(rates, caller, 2) for caller in "abcd"]
        again = [n_taken(rates, caller, 2) for caller in "dcba"]

    assert first == [1, 1, 1, 1]
    assert again == [0, 0, 0, 1]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    return path


@pytest.mark.parametrize("rows", [make_row(), [make_row()] * 100])
def test_a_server_with_keys_answers_nobody_else(model: Path, rows: Any) -> None:
    with (
        running_server(model, "--keys", SUMS[0]) as served,
        httpx.Client(base_url=served.url) as client,
    ):
        key = {"authorization": f"Bearer {KEYS[0]}"}
        answers = [
            client.post("/predict", json=rows, headers=headers)
            for headers in (key, {}, key, {"x-api-key": "none"})
        ]
        others = [client.get(path) for path in ("/models", "/", "/livez")]

    assert [each.status_code for each in answers] == [200, 401, 200, 401]
    assert answers[1].headers["www-authenticate"] == "Bearer"
    assert answers[1].json()["type"] == "/problems/unauthorized"
    assert [each.status_code for each in others] == [401, 401, 200]


@pytest.mark.skipif(
    not (which("curl") and which("openssl")), reason="needs curl and openssl"
)
def test_the_commands_of_the_page_make_a_key_and_use_it(
    model: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "access.md").read_text("utf-8")
    block = page.partition("```sh\n")[2].partition("```")[0]
    found = re.fullmatch("(.+\n.+\n)(.+)\n(.+)\n", block)
    assert found is not None
    make, served_by, ask = found.groups()
    shell = ["sh", "-euc", f'{make}printf %s "$key" > key']
    subprocess.run(shell, cwd=tmp_path, check=True, timeout=20)

    assert served_by == "PINION_KEYS_FILE=keys make serve &"
    with running_server(model, PINION_KEYS_FILE=str(tmp_path / "keys")) as served:
        asked = ask.replace("http://localhost:8080", served.url)
        shown = subprocess.run(
            ["sh", "-euc", f"key=$(cat key); {asked}"],
            cwd=tmp_path,
            check=True,
            timeout=20,
            capture_output=True,
        )
        assert httpx.get(f"{served.url}/models").status_code == 401
    assert json.loads(shown.stdout)["default"] == "student"


def test_a_server_with_rates_answers_no_more_than_them(model: Path) -> None:
    with (
        running_server(model, "--max-rate-per-address", "3") as served,
        httpx.Client(base_url=served.url) as client,
    ):
        answers = [client.post("/predict", json=make_row()) for _ in range(8)]

    statuses = [each.status_code for each in answers]
    assert statuses[:3] == [200] * 3
    assert 429 in statuses
    assert answers[statuses.index(429)].headers["retry-after"] == "1"


def test_a_wrong_list_of_keys_is_one_sentence_and_no_server(model: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"^error: --keys, number 1 is no SHA-256"),
        running_server(model, "--keys", "secret"),
    ):
        pass
