"""The page of the interface: all of it is there without JavaScript."""

import base64
import contextlib
import hashlib
import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from server.app import App
from server.models import load_models
from server.openapi.operation import Ask, Operation
from server.openapi.served import Served
from server.openapi.snippets import ADDRESS, snippets
from server.openapi.table import operations as table
from server.settings import default_settings
from tests.models import SCORE, make_classifier, make_model, make_signature
from tests.openapi import examples, operations
from tests.servers import asking

HOSTILE = "<b>\"&'</script>"
VOID = {"meta", "input", "link"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    signature = make_signature(title=HOSTILE, description=HOSTILE)
    folder.joinpath("a.onnx").write_bytes(make_model(signature))
    folder.joinpath("b.onnx").write_bytes(make_classifier(("a", HOSTILE), name="b"))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def client(models: list[Path]) -> Iterator[httpx.Client]:
    with asking(*models, "--default", "student") as client:
        yield client


@pytest.fixture(scope="module")
def page(client: httpx.Client) -> str:
    return client.get("/docs").text


class Elements(HTMLParser):
    """Every element of a page: what it is, its attributes, and what ids it names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, name: str) -> list[str]:
        """Return every value of an attribute."""
        values = (attributes.get(name) for _, attributes in self.found)
        return [value for value in values if value is not None]


def test_every_operation_of_the_document_is_on_the_page(
    client: httpx.Client, page: str
) -> None:
    document = client.get("/openapi.json").json()
    told = {
        (operation["operationId"], method, path)
        for method, path, operation in operations(document)
    }

    shown = re.findall(
        r'<details class=operation id="([^"]*)"><summary><h3><span class=method>'
        r"(\w+)</span> <code>([^<]*)</code>",
        page,
    )
    assert len(shown) == len(told)
    assert {*shown} == told


def test_every_example_of_the_document_is_on_the_page(
    client: httpx.Client, page: str
) -> None:
    text = unescape(page)
    document = client.get("/openapi.json").json()

    for example in examples(document):
        assert f"{example.method} {example.target}" in text
        if isinstance(example.value, dict):
            for value in example.value:
                assert f'"{value}"' in text


def test_it_is_whole_and_every_label_and_link_has_its_end(page: str) -> None:
    elements = Elements(page)
    ids = elements.all("id")

    assert elements.open == []
    assert len({*ids}) == len(ids)
    assert {*elements.all("for")} <= {*ids}
    assert {*elements.all("aria-labelledby")} <= {*ids}
    links = [link.removeprefix("#") for link in elements.all("href") if link[0] == "#"]
    assert {*links} <= {*ids}
    fields = {
        attributes.get("id")
        for tag, attributes in elements.found
        if tag in ("input", "select", "textarea")
    }
    assert fields == {*elements.all("for")}


def test_every_link_to_the_server_is_answered(client: httpx.Client, page: str) -> None:
    links = {link for link in Elements(page).all("href") if link[0] != "#"}

    assert {"openapi.json", ".", "problems/invalid-batch"} <= links
    for link in links:
        assert client.get(f"/{link.removeprefix('.')}").status_code == 200


def test_no_word_of_the_signature_is_markup(page: str) -> None:
    assert HOSTILE not in page
    assert "<b>" not in page
    assert page.count("</script>") == 1


def test_it_runs_its_own_script_and_loads_nothing(
    client: httpx.Client, page: str
) -> None:
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    headers = client.get("/docs").headers

    assert headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"script-src 'sha256-{digest}'",
        "connect-src 'self'",
    ]
    assert Elements(page).all("src") == []
    assert Elements(page).all("style") == []


def test_without_javascript_a_browser_asks_by_the_form_of_a_query(page: str) -> None:
    found = Elements(page).found
    forms = [attributes for tag, attributes in found if tag == "form"]

    shown = {form["data-path"] for form in forms if "hidden" not in form}
    asked = {form["data-path"] for form in forms if form["data-method"] == "GET"}
    assert shown == {path for path in asked if "{" not in (path or "")}
    assert all(form["action"] for form in forms if "hidden" not in form)


def test_a_feature_is_said_in_words(page: str) -> None:
    text = re.sub("<.*?>", " ", page)

    assert SCORE.unit == "points"
    assert (
        "number or null, from 0, to 100. 17 to 100 points in training. "
        "Where it is missing, the model takes 70."
    ) in text


def make_operation(method: str = "POST") -> Operation:
    return Operation(method=method, route="/x", name="x", tag="x", summary="x")


def test_a_request_is_shown_in_four_languages() -> None:
    body = b'{"a b": null, "c": "it\'s"}'
    ask = Ask(name="One", body=body, query={"include": "x,y"}, accept="text/csv")

    assert dict(snippets(make_operation(), ask)) == {
        "curl": "curl 'http://localhost:8080/x?include=x,y' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        "  -H 'Accept: text/csv' \\\n"
        '  -d \'{\n  "a b": null,\n  "c": "it\'\\\'\'s"\n}\'',
        "Python": "import json\n"
        "from urllib.request import Request, urlopen\n\n"
        "body = {'a b': None, 'c': \"it's\"}\n"
        "request = Request(\n"
        "    'http://localhost:8080/x?include=x,y',\n"
        "    json.dumps(body).encode(),\n"
        "    headers={'Content-Type': 'application/json', 'Accept': 'text/csv'},\n"
        ")\n"
        "with urlopen(request) as answer:\n"
        "    print(answer.read().decode())",
        "R": "library(httr2)\n\n"
        'answer <- request("http://localhost:8080/x?include=x,y") |>\n'
        '  req_headers(Accept = "text/csv") |>\n'
        '  req_body_raw(r"---({\n  "a b": null,\n  "c": "it\'s"\n})---", '
        '"application/json") |>\n'
        "  req_perform()\n"
        "cat(resp_body_string(answer))",
        "JavaScript": 'const answer = await fetch("http://localhost:8080/x?include=x,y", {\n'
        '  method: "POST",\n'
        '  headers: {"Content-Type": "application/json", "Accept": "text/csv"},\n'
        '  body: JSON.stringify({\n    "a b": null,\n    "c": "it\'s"\n  }),\n'
        "});\n"
        "console.log(await answer.text());",
    }


def test_a_request_without_a_body_is_as_short_as_it_can_be() -> None:
    ask = Ask(name="One")

    assert dict(snippets(make_operation("GET"), ask)) == {
        "curl": "curl 'http://localhost:8080/x'",
        "Python": "from urllib.request import Request, urlopen\n\n"
        "request = Request('http://localhost:8080/x')\n"
        "with urlopen(request) as answer:\n"
        "    print(answer.read().decode())",
        "R": "library(httr2)\n\n"
        'answer <- request("http://localhost:8080/x") |>\n'
        "  req_perform()\n"
        "cat(resp_body_string(answer))",
        "JavaScript": 'const answer = await fetch("http://localhost:8080/x");\n'
        "console.log(await answer.text());",
    }
    posted = dict(snippets(make_operation("POST"), ask))
    assert posted["curl"] == "curl 'http://localhost:8080/x' \\\n  -X POST"
    assert "Request('http://localhost:8080/x', method='POST')" in posted["Python"]
    assert 'req_method("POST")' in posted["R"]
    assert '{\n  method: "POST",\n}' in posted["JavaScript"]


def run(language: str, programs: list[str]) -> list[str]:
    """Return what each program prints."""
    if language == "Python":
        return [*map(run_python, programs)]
    if language == "curl":
        return [printed_by("sh", "-euc", program) for program in programs]
    # a start of node takes longer than all that it does here
    blocks = "console.log('\\0');\n".join(f"{{\n{each}\n}}\n" for each in programs)
    return printed_by("node", "--input-type=module", "-e", blocks).split("\0\n")


def run_python(program: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "snippet", "exec"), {})
    return printed.getvalue()


def printed_by(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@pytest.mark.parametrize(
    "language",
    [
        "Python",
        pytest.param("curl", marks=pytest.mark.external),
        pytest.param(
            "JavaScript",
            marks=[
                pytest.mark.external,
                pytest.mark.skipif(
                    shutil.which("node") is None,
                    reason="needs node: apt-get install nodejs",
                ),
            ],
        ),
    ],
)
def test_a_program_prints_what_the_server_answers(
    models: list[Path], client: httpx.Client, language: str
) -> None:
    app = App(load_models(models), default_settings()._replace(default="student"))
    served = Served(app._by_name, app.default, app._settings)

    address = str(client.base_url).rstrip("/")
    shown, answers = [], []
    for operation in table(served):
        for ask in operation.asks[:1]:
            program = dict(snippets(operation, ask))[language]
            shown.append(program.replace(ADDRESS, address))
            answer = client.request(
                operation.method,
                operation.target_of(ask),
                content=ask.body,
                headers=ask.fields(),
            )
            answers.append(answer.text.rstrip("\n"))
    assert [text.rstrip("\n") for text in run(language, shown)] == answers
