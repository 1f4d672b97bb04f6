"""The same request in the languages that people ask from."""

import json
from collections.abc import Iterator, Mapping
from pprint import pformat

import msgspec

from server.openapi.operation import JSON, Ask, Operation

ADDRESS = "http://localhost:8080"
"""In the place of the server's own, which only a browser knows."""


def snippets(operation: Operation, ask: Ask) -> Iterator[tuple[str, str]]:
    """Yield the name of a language and a whole program in it."""
    method, url = operation.method, ADDRESS + operation.target_of(ask)
    fields, body = ask.fields(), ask.body.decode()
    document = msgspec.json.decode(body) if body and ask.kind == JSON else None
    pretty = _json(document) if document is not None else body
    yield "curl", _curl(method, url, fields, pretty)
    yield "Python", _python(method, url, fields, body, document)
    yield "R", _r(method, url, fields, pretty)
    yield "JavaScript", _javascript(method, url, fields, body, document)


def _curl(method: str, url: str, fields: Mapping[str, str], body: str) -> str:
    words = [f"curl {_quoted(url)}"]
    if method != ("POST" if body else "GET"):
        words.append(f"-X {method}")
    words += [f"-H {_quoted(f'{name}: {value}')}" for name, value in fields.items()]
    if body:
        words.append(f"-d {_quoted(body)}")
    return " \\\n  ".join(words)


def _python(
    method: str, url: str, fields: Mapping[str, str], body: str, document: object
) -> str:
    lines = ["from urllib.request import Request, urlopen", ""]
    words = [repr(url)]
    if document is not None:
        lines.insert(0, "import json")
        lines.append(f"body = {pformat(document, width=78, sort_dicts=False)}")
        words.append("json.dumps(body).encode()")
    elif body:
        lines.append(f"body = {body!r}")
        words.append("body.encode()")
    if fields:
        words.append(f"headers={dict(fields)!r}")
    if method != ("POST" if body else "GET"):
        words.append(f"method={method!r}")
    lines.append(f"request = Request({_listed(words)})")
    lines += ["with urlopen(request) as answer:", "    print(answer.read().decode())"]
    return "\n".join(lines)


def _r(method: str, url: str, fields: Mapping[str, str], body: str) -> str:
    steps = [f"request({_json(url)})"]
    kind = fields.get("Content-Type")
    steps += [
        f"req_headers({name} = {_json(value)})"
        for name, value in fields.items()
        if name != "Content-Type"
    ]
    if body:
        steps.append(f'req_body_raw(r"---({body})---", {_json(kind)})')
    elif method != "GET":
        steps.append(f"req_method({_json(method)})")
    steps.append("req_perform()")
    piped = " |>\n  ".join(steps)
    return f"library(httr2)\n\nanswer <- {piped}\ncat(resp_body_string(answer))"


def _javascript(
    method: str, url: str, fields: Mapping[str, str], body: str, document: object
) -> str:
    options: list[str] = []
    if method != "GET":
        options.append(f"method: {_json(method)}")
    if fields:
        options.append(f"headers: {json.dumps(dict(fields))}")
    if document is not None:
        written = _json(document).replace("\n", "\n  ")
        options.append(f"body: JSON.stringify({written})")
    elif body:
        options.append(f"body: {_json(body)}")
    said = ",\n  ".join(options)
    end = f", {{\n  {said},\n}}" if options else ""
    return (
        f"const answer = await fetch({_json(url)}{end});\n"
        "console.log(await answer.text());"
    )


def _listed(words: list[str]) -> str:
    line = ", ".join(words)
    return line if len(line) <= 70 else "\n    " + ",\n    ".join(words) + ",\n"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _quoted(text: str) -> str:
    """Return a text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
