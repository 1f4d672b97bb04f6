"""Models as tools of assistants: MCP at `POST /mcp`, in its newest revision and before."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from server.contracts.json_schema import answer_schema, row_schema
from server.contracts.mcp.arguments import keys_of
from server.contracts.mcp.message import refused
from server.problems import Overloaded
from tests.models import make_classifier, make_model, make_row, make_signature
from tests.servers import asking

MODERN = "2026-07-28"
OLDER = ["2025-11-25", "2025-06-18", "2025-03-26"]
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
COMPLETE = {
    "resultType": "complete",
    "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "pinion", "version": "1"}},
}
FRESH = {"ttlMs": 60_000, "cacheScope": "private"}
ROW = {"gender": "female", "lunch_meal": "standard", "reading_score": 80}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "a.onnx").write_bytes(make_model(make_signature(description="Said.")))
    (folder / "b.onnx").write_bytes(make_classifier(("no", "yes"), name="exam"))
    return folder


@pytest.fixture(scope="module")
def client(models: Path) -> Iterator[httpx.Client]:
    limits = (
        *("--hosts", "127.0.0.1 model.example", "--max-body-bytes", "20000"),
        *("--cors-origins", "https://App.example:444"),
    )
    with asking("--models-folder", models, *limits) as client:
        yield client


def request(method: str, number: int | str = 1, **params: Any) -> dict[str, Any]:
    document = {"jsonrpc": "2.0", "id": number, "method": method}
    return {**document, "params": params} if params else document


def ask(client: httpx.Client, method: str, **params: Any) -> httpx.Response:
    """Ask as a client of the newest revision does."""
    headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    document = request(method, **params, _meta=META)
    return client.post("/mcp", json=document, headers=headers)


def ask_as_before(
    client: httpx.Client, method: str, *, version: str | None = None, **params: Any
) -> httpx.Response:
    """Ask as a client of an older revision does."""
    headers = {"mcp-protocol-version": version} if version else {}
    return client.post("/mcp", json=request(method, **params), headers=headers)


def answered(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def result(**fields: Any) -> tuple[int, Any]:
    return 200, {"jsonrpc": "2.0", "id": 1, "result": fields}


def error(
    status: int, code: int, message: str, number: int | None = 1, **more: Any
) -> tuple[int, Any]:
    said = {"code": code, "message": message, **more}
    return status, {"jsonrpc": "2.0", "id": number, "error": said}


def test_a_client_discovers_versions_and_abilities(client: httpx.Client) -> None:
    answer = ask(client, "server/discover")

    assert answer.headers["content-type"] == "application/json"
    assert answered(answer) == result(
        **COMPLETE,
        **FRESH,
        supportedVersions=[MODERN, *OLDER],
        capabilities={"tools": {}},
    )


def described() -> list[dict[str, Any]]:
    """Return the tools, with what the signature says under names that are allowed."""
    signature = make_signature()
    gender, lunch, score = row_schema(signature)["properties"].values()
    hints = {"readOnlyHint": True, "openWorldHint": False}
    student = {
        "name": "student",
        "title": "Maths score",
        "description": "Predicts math score, in points. Said.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "gender": gender,
                "lunch_meal": {"title": "lunch/meal", **lunch},
                "reading_score": {"title": "reading score", **score},
            },
            "required": ["gender"],
            "additionalProperties": False,
        },
        "outputSchema": answer_schema(signature, ("contributions", "warnings")),
        "annotations": hints,
    }
    label = {"enum": ["no", "yes"], "title": "pass"}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    warnings = student["outputSchema"]["properties"]["warnings"]  # type: ignore[index]
    exam = {
        "name": "exam",
        "title": "Maths score",
        "description": "Predicts pass.",
        "inputSchema": {
            "type": "object",
            "properties": {"reading_score": {"title": "reading score", **score}},
            "required": [],
            "additionalProperties": False,
        },
        "outputSchema": {
            "type": "object",
            "properties": {
                "prediction": label,
                "probabilities": {
                    "type": "object",
                    "description": "How probable each class is.",
                    "properties": {"no": share, "yes": share},
                    "required": ["no", "yes"],
                },
                "warnings": warnings,
            },
            "required": ["prediction", "probabilities", "warnings"],
        },
        "annotations": hints,
    }
    return [student, exam]


def test_each_model_is_a_tool(client: httpx.Client) -> None:
    answer = ask(client, "tools/list")

    assert answered(answer) == result(**COMPLETE, **FRESH, tools=described())


def test_a_call_says_all_that_is_known_of_a_row(client: httpx.Client) -> None:
    answer = ask(client, "tools/call", name="student", arguments=ROW)

    said = client.post(
        "/models/student/predict?include=contributions,warnings", json=make_row()
    )
    assert answered(answer) == result(
        **COMPLETE,
        content=[{"type": "text", "text": said.text}],
        structuredContent=said.json(),
        isError=False,
    )


def test_an_argument_may_have_the_name_of_its_feature(client: httpx.Client) -> None:
    answers = [
        ask(client, "tools/call", name="student", arguments=arguments)
        for arguments in (ROW, make_row())
    ]

    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        (
            "student",
            {"lunch_meal": 3, "reading_score": 101, "size": 1},
            "4 values are invalid.\n"
            "gender: This feature is missing.\n"
            "lunch_meal: 3 is not a string.\n"
            "reading_score: 101 is above the maximum, 100 points.\n"
            "size: The model has no such feature; it reads 'gender', 'lunch/meal', "
            "'reading score'.",
        ),
        ("student", None, "1 value is invalid.\ngender: This feature is missing."),
        (
            "student",
            {"columns": {"gender": ["male", "male"]}},
            "2 values are invalid.\n"
            "gender: This feature is missing.\n"
            "columns: The model has no such feature; it reads 'gender', 'lunch/meal', "
            "'reading score'.",
        ),
        (
            "exam",
            {"reading_score": 0},
            "Without a finite prediction: 1 of 1 rows.\n"
            "Row 1 has no finite prediction.",
        ),
    ],
    ids=["every fault", "no argument", "columns", "no prediction"],
)
def test_a_fault_of_the_row_is_a_result_that_names_every_one(
    client: httpx.Client, name: str, arguments: Any, text: str
) -> None:
    answer = ask(client, "tools/call", name=name, arguments=arguments)

    assert answered(answer) == result(
        **COMPLETE, content=[{"type": "text", "text": text}], isError=True
    )


@pytest.mark.parametrize("version", OLDER)
def test_a_client_of_an_older_revision_is_answered_without_a_session(
    client: httpx.Client, version: str
) -> None:
    about: dict[str, Any] = {"protocolVersion": version, "clientInfo": {}}
    begun = ask_as_before(client, "initialize", **about)
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    headers = {"mcp-protocol-version": version}
    noted = client.post("/mcp", json=notification, headers=headers)
    ping = ask_as_before(client, "ping", version=version)
    listed = ask_as_before(client, "tools/list", version=version)
    called = ask_as_before(
        client, "tools/call", version=version, name="student", arguments=ROW
    )

    assert answered(begun) == result(
        protocolVersion=version,
        capabilities={"tools": {}},
        serverInfo={"name": "pinion", "version": "1"},
    )
    assert "mcp-session-id" not in begun.headers
    assert (noted.status_code, noted.content) == (202, b"")
    assert answered(ping) == result()
    assert answered(listed) == result(tools=described(), **FRESH)
    newest = ask(client, "tools/call", name="student", arguments=ROW).json()["result"]
    assert called.json()["result"] == {
        key: value for key, value in newest.items() if key not in COMPLETE
    }


@pytest.mark.parametrize("asked", ["2024-11-05", MODERN, 7, None])
def test_a_handshake_for_another_revision_is_offered_the_newest_that_has_one(
    client: httpx.Client, asked: object
) -> None:
    answer = ask_as_before(client, "initialize", protocolVersion=asked)

    assert answer.json()["result"]["protocolVersion"] == OLDER[0]


def test_without_a_header_the_oldest_revision_is_spoken(client: httpx.Client) -> None:
    assert answered(ask_as_before(client, "ping")) == result()


@pytest.mark.parametrize(
    ("method", "params", "code", "status", "message"),
    [
        ("prompts/list", {}, -32601, 404, "There is no method 'prompts/list'."),
        (
            "tools/call",
            {"name": "nobody"},
            -32602,
            400,
            "There is no tool 'nobody'; the tools are: student, exam.",
        ),
        (
            "tools/call",
            {"name": "student", "arguments": [1]},
            -32602,
            400,
            "Expected arguments in an object, by name.",
        ),
    ],
    ids=["method", "tool", "arguments"],
)
def test_what_there_is_not_is_an_error_whose_status_older_clients_take_for_success(
    client: httpx.Client,
    method: str,
    params: Any,
    code: int,
    status: int,
    message: str,
) -> None:
    modern = ask(client, method, **params)
    older = ask_as_before(client, method, version=OLDER[0], **params)

    assert answered(modern) == error(status, code, message)
    assert answered(older) == error(200, code, message)


@pytest.mark.parametrize(
    ("method", "is_modern"),
    [("ping", True), ("initialize", True), ("server/discover", False)],
)
def test_a_revision_has_its_own_methods(
    client: httpx.Client, method: str, is_modern: bool
) -> None:
    answer = ask(client, method) if is_modern else ask_as_before(client, method)

    said = error(404 if is_modern else 200, -32601, f"There is no method {method!r}.")
    assert answered(answer) == said


CALL = {"mcp-method": "tools/call", "mcp-name": "student"}
CALLED = {"name": "student", "arguments": ROW, "_meta": META}
VERSIONS = {"supported": [MODERN, *OLDER]}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in META.items() if not key.endswith(name)}


@pytest.mark.parametrize(
    ("headers", "params", "code", "message", "more"),
    [
        (
            {"mcp-protocol-version": "1900-01-01"},
            {},
            -32022,
            "The version '1900-01-01' is not spoken here.",
            {"data": {**VERSIONS, "requested": "1900-01-01"}},
        ),
        (
            {"mcp-protocol-version": OLDER[0]} | CALL,
            CALLED,
            -32020,
            "The header MCP-Protocol-Version is '2025-11-25'; the body says "
            "'2026-07-28'.",
            {},
        ),
        (
            CALL,
            CALLED,
            -32020,
            "The header MCP-Protocol-Version is missing; the body says '2026-07-28'.",
            {},
        ),
        (
            {"mcp-protocol-version": MODERN} | CALL,
            {"name": "student", "_meta": without("protocolVersion")},
            -32602,
            'params._meta has no "io.modelcontextprotocol/protocolVersion".',
            {},
        ),
        (
            {"mcp-protocol-version": MODERN} | CALL,
            {"name": "student", "_meta": without("clientCapabilities")},
            -32602,
            'params._meta has no "io.modelcontextprotocol/clientCapabilities".',
            {},
        ),
        (
            {"mcp-protocol-version": MODERN} | CALL,
            {"name": "student", "_meta": 3},
            -32602,
            'params._meta has no "io.modelcontextprotocol/protocolVersion".',
            {},
        ),
        (
            {"mcp-protocol-version": MODERN, "mcp-name": "student"},
            CALLED,
            -32020,
            "The header Mcp-Method is missing; the body says 'tools/call'.",
            {},
        ),
        (
            {"mcp-protocol-version": MODERN} | CALL | {"mcp-method": "tools/list"},
            CALLED,
            -32020,
            "The header Mcp-Method is 'tools/list'; the body says 'tools/call'.",
            {},
        ),
        (
            {"mcp-protocol-version": MODERN} | CALL | {"mcp-name": "exam"},
            CALLED,
            -32020,
            "The header Mcp-Name is 'exam'; the body says 'student'.",
            {},
        ),
        (
            {"mcp-protocol-version": MODERN} | CALL | {"mcp-name": "=?base64?c3R?="},
            CALLED,
            -32020,
            "The header Mcp-Name is '=?base64?c3R?='; the body says 'student'.",
            {},
        ),
    ],
    ids=[
        *("unknown", "another", "missing", "no version", "no abilities", "no meta"),
        *("no method", "another method", "another name", "no base64"),
    ],
)
def test_headers_that_say_something_else_than_the_body_are_refused(
    client: httpx.Client,
    headers: dict[str, str],
    params: dict[str, Any],
    code: int,
    message: str,
    more: Any,
) -> None:
    document = request("tools/call", **params)
    answer = client.post("/mcp", json=document, headers=headers)

    assert answered(answer) == error(400, code, message, **more)


def test_a_header_that_came_twice_is_none_that_is_known(client: httpx.Client) -> None:
    headers = [
        ("mcp-protocol-version", MODERN),
        ("mcp-method", "tools/list"),
        ("mcp-method", "tools/list"),
    ]
    document = request("tools/list", _meta=META)
    answer = client.post("/mcp", json=document, headers=headers)

    assert answered(answer) == error(
        400,
        -32020,
        "The header Mcp-Method is 'tools/list, tools/list'; the body says "
        "'tools/list'.",
    )


def test_a_name_may_come_in_base64(client: httpx.Client) -> None:
    written = f"=?base64?{b64encode('größe'.encode()).decode()}?="
    headers = {"mcp-protocol-version": MODERN} | CALL | {"mcp-name": written}
    called: dict[str, Any] = CALLED | {"name": "größe"}
    document = request("tools/call", **called)
    answer = client.post("/mcp", json=document, headers=headers)

    said = "There is no tool 'größe'; the tools are: student, exam."
    assert answered(answer) == error(400, -32602, said)


WRONG = "Expected one message of JSON-RPC 2.0, an object: "


@pytest.mark.parametrize(
    ("body", "number", "code", "message"),
    [
        ("{", None, -32700, None),
        ("", None, -32700, None),
        ("[" * 2000, None, -32700, None),
        ("[]", None, -32600, f"{WRONG}Expected `object`, got `array`."),
        (
            '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
            None,
            -32600,
            f"{WRONG}Expected `object`, got `array`.",
        ),
        (
            '{"id":7,"method":"ping"}',
            7,
            -32600,
            f"{WRONG}Object missing required field `jsonrpc`.",
        ),
        (
            '{"jsonrpc":"1.0","id":"a","method":"ping"}',
            "a",
            -32600,
            f"{WRONG}Invalid enum value '1.0' - at `$.jsonrpc`.",
        ),
        (
            '{"jsonrpc":"2.0","id":7,"result":{}}',
            7,
            -32600,
            f"{WRONG}Object missing required field `method`.",
        ),
        (
            '{"jsonrpc":"2.0","id":null,"method":"ping"}',
            None,
            -32600,
            f"{WRONG}Expected `int | str`, got `null` - at `$.id`.",
        ),
        (
            '{"jsonrpc":"2.0","id":true,"method":"ping"}',
            None,
            -32600,
            f"{WRONG}Expected `int | str`, got `bool` - at `$.id`.",
        ),
        (
            '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
            1,
            -32600,
            f"{WRONG}Expected `object | null`, got `array` - at `$.params`.",
        ),
    ],
)
def test_what_is_no_message_is_refused(
    client: httpx.Client, body: str, number: Any, code: int, message: str | None
) -> None:
    answer = client.post(
        "/mcp", content=body, headers={"content-type": "application/json"}
    )

    if message is None:  # in the words of /predict
        message = client.post("/models/student/predict", content=body).json()["detail"]
    assert answered(answer) == error(400, code, message or "", number)


def test_a_notification_of_an_unknown_revision_is_refused(client: httpx.Client) -> None:
    notification = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    answers = [
        client.post(
            "/mcp", json=notification, headers={"mcp-protocol-version": version}
        )
        for version in (MODERN, "1900-01-01")
    ]

    assert (answers[0].status_code, answers[0].content) == (202, b"")
    assert answered(answers[1]) == error(
        400,
        -32022,
        "The version '1900-01-01' is not spoken here.",
        None,
        data={**VERSIONS, "requested": "1900-01-01"},
    )


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:6274", "http://127.0.0.1", "https://[::1]:443"),
        *("https://model.example", "https://Model.Example:8443"),
        "https://app.example:444",
    ],
)
def test_a_page_of_this_machine_or_of_a_host_is_answered(
    client: httpx.Client, origin: str
) -> None:
    answer = client.post("/mcp", json=request("ping"), headers={"origin": origin})

    assert answered(answer) == result()


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example:8080", "null", "https://model.example.evil", ""),
        *("https://evil.example/model.example", "model.example", "http://:80"),
        *("https://app.example", "http://app.example:444"),
    ],
)
def test_a_page_of_another_site_is_not_answered(
    client: httpx.Client, origin: str
) -> None:
    answer = client.post("/mcp", json=request("ping"), headers={"origin": origin})

    said = f"A page of {origin!r} is not answered; --hosts and --cors-origins name what is."
    assert answered(answer) == error(403, -32600, said, None)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"content-type": "text/plain"},
            "The content type is text/plain; send Content-Type: application/json.",
        ),
        (
            {"content-encoding": "gzip", "content-type": "application/json"},
            "The body is compressed; send it plain.",
        ),
    ],
)
def test_a_body_of_another_kind_is_refused(
    client: httpx.Client, headers: dict[str, str], message: str
) -> None:
    answer = client.post("/mcp", content=b"x", headers=headers)

    assert answered(answer) == error(415, -32600, message, None)


def test_a_body_has_a_bound_and_so_have_its_values(client: httpx.Client) -> None:
    large = client.post("/mcp", json=request("ping", a="x" * 20_000))
    many = client.post("/mcp", json=request("ping", a=[1] * 3000))

    said = "The body has more than 20000 bytes; that is the limit."
    assert answered(large) == error(413, -32600, said, None)
    said = "The body has more values than 1 rows of 1003 columns; at most 1 rows are "
    assert answered(many) == error(413, -32600, f"{said}accepted.", None)


def test_a_server_that_is_busy_says_when_to_ask_again() -> None:
    answer = refused(7, Overloaded("1 request waits."))

    assert msgspec.json.decode(answer.body) == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": -32603, "message": "1 request waits."},
    }
    assert (answer.status, answer.fields) == (503, ((b"retry-after", b"1"),))


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_nothing_but_post_is_answered(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/mcp")

    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


def test_names_that_services_refuse_are_replaced_and_stay_apart() -> None:
    names = ["a b", "a_b", "a/b", "größe", "x" * 65, "x" * 66, "", "a.b-c", "x" * 64]

    assert keys_of(names) == {
        "a b": "a_b_2",
        "a_b": "a_b",
        "a/b": "a_b_3",
        "größe": "gr__e",
        "x" * 65: "x" * 56,
        "x" * 66: "x" * 56 + "_4",
        "": "_",
        "a.b-c": "a.b-c",
        "x" * 64: "x" * 64,
    }
