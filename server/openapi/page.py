"""The page of the interface, for people: all of it is there without JavaScript."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import msgspec

from server.contracts.json_schema import feature_schema
from server.openapi.examples import Reply, Shown
from server.openapi.operation import HTML, Ask, Operation, Schema
from server.openapi.script import SCRIPT
from server.openapi.served import Served
from server.openapi.shapes import everywhere
from server.openapi.snippets import snippets
from server.page.form import SECURITY_HEADERS, STYLE
from server.problems import Problem
from server.signature import Signature, Value, show

DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()

FIELDS = SECURITY_HEADERS | {
    "content-security-policy": SECURITY_HEADERS["content-security-policy"]
    + f"; script-src 'sha256-{DIGEST}'; connect-src 'self'"
}
"""Of the answer's head: the page runs its own script, which asks this server alone."""

MORE_STYLE = """
body { max-width: 56rem }
pre, output { display: block; overflow-x: auto; padding: .5rem .75rem; margin: .5rem 0;
  border: 1px solid var(--line); border-radius: .4rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .875rem/1.4 ui-monospace, monospace }
output:empty { display: none }
code { overflow-wrap: anywhere } td { text-align: left; vertical-align: top }
th, td { padding: .25rem .5rem .25rem 0; overflow-wrap: anywhere }
th { width: 30%; vertical-align: top } .operation > summary { font-weight: 400 }
h4 { margin: 1rem 0 .25rem } summary > h3 { display: inline; font-size: 1rem }
.operation { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem 1rem }
.method { color: var(--accent) } textarea { font: .875rem/1.4 ui-monospace, monospace;
  width: 100%; box-sizing: border-box; min-height: 9rem; padding: .5rem;
  border: 1px solid var(--line); border-radius: .4rem; background: Field;
  color: FieldText }
[hidden] { display: none !important } nav ul { padding-left: 1rem }
"""


def page(shown: Sequence[Shown], served: Served) -> bytes:
    """Return the whole page, HTML."""
    tags = list(dict.fromkeys(each.operation.tag for each in shown))
    title = " · ".join(each.title or each.name for each in served.signatures[:3])
    numbers = {tag: number for number, tag in enumerate(tags)}
    links = "".join(
        f'<li><a href="#t{number}">{escape(tag)}</a></li>'
        for tag, number in numbers.items()
    )
    sections = "".join(
        f'<section class=tag id="t{number}" aria-labelledby="h{number}">'
        f'<h2 id="h{number}">{escape(tag)}</h2>'
        f"{''.join(_operation(each) for each in shown if each.operation.tag == tag)}"
        "</section>"
        for tag, number in numbers.items()
    )
    models = "".join(map(_model, served.signatures))
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Interface of {escape(title)}</title>"
        f"<style>{STYLE}{MORE_STYLE}</style></head><body><main>"
        f"<h1>Interface of {escape(title)}</h1>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1). '
        'For people: <a href=".">the form</a>.</p>'
        '<div hidden><label for="find">Search the operations</label>'
        '<input id="find" type="search"><p id="found" aria-live="polite"></p></div>'
        f'<nav aria-label="Kinds of operations"><ul>{links}'
        '<li><a href="#errors">Errors that any request may get</a></li></ul></nav>'
        f"<section aria-label=Features>{models}</section>{sections}"
        f"{_errors(everywhere(served.settings))}"
        f"</main><script>{SCRIPT}</script></body></html>\n"
    ).encode()


def _model(signature: Signature) -> str:
    rows = "".join(
        f"<tr><th scope=row><code>{escape(each.name)}</code></th>"
        f"<td>{escape(_accepted(feature_schema(each)))}</td></tr>"
        for each in signature.features
    )
    title = escape(signature.title or signature.name)
    return (
        f"<details><summary>{title}: what {escape(signature.name)} reads</summary>"
        f"<p>{escape(signature.description)}</p><table><tbody>{rows}</tbody></table>"
        "</details>"
    )


def _accepted(schema: Schema) -> str:
    """Say in words what a schema accepts."""
    kinds = schema.get("type", "any")
    parts = [" or ".join([kinds] if isinstance(kinds, str) else kinds)]
    if "enum" in schema:
        values: Sequence[Value | None] = schema["enum"]
        parts.append(
            "one of " + ", ".join(show(each) for each in values if each is not None)
        )
    if "minimum" in schema:
        parts.append(f"from {show(schema['minimum'])}")
    if "maximum" in schema:
        parts.append(f"to {show(schema['maximum'])}")
    said = ", ".join(parts) + "."
    return f"{said} {schema.get('description', '')}".strip()


def _operation(shown: Shown) -> str:
    operation = shown.operation
    identifier = escape(operation.name)
    return (
        f'<details class=operation id="{identifier}"><summary>'
        f"<h3><span class=method>{operation.method}</span> "
        f"<code>{escape(operation.told)}</code></h3> {escape(operation.summary)}"
        f"</summary><p>{escape(operation.description)}</p>"
        f"{_parameters(operation.parameters)}{_refusals(operation.refusals)}"
        f"{_code(shown)}{''.join(_exchanges(shown))}{_form(operation, identifier, shown)}"
        "</details>"
    )


def _parameters(parameters: Sequence[Schema]) -> str:
    rows = "".join(
        f"<tr><th scope=row><code>{escape(each['name'])}</code></th>"
        f"<td>{each['in']}{', required' if each.get('required') else ''}. "
        f"{escape(_parameter(each))}</td></tr>"
        for each in parameters
    )
    return f"<h4>Parameters</h4><table><tbody>{rows}</tbody></table>" if rows else ""


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    said = str(parameter.get("description", ""))
    if schema.get("type") == "array":
        names = ", ".join(schema["items"]["enum"])
        return f"{said} Of: {names}."
    return f"{said} {_accepted(schema)}".strip()


def _refusals(problems: Iterable[type[Problem]]) -> str:
    links = ", ".join(map(_link, problems))
    return f"<p>Refused may be: {links}.</p>" if links else ""


def _link(problem: type[Problem]) -> str:
    return f'<a href="problems/{problem.slug}">{escape(problem.title)}</a>'


def _code(shown: Shown) -> str:
    if not shown.exchanges:
        return ""
    ask, _ = shown.exchanges[0]
    return "<h4>Code</h4>" + "".join(
        f"<details{' open' if language == 'curl' else ''}><summary>{language}</summary>"
        f"<pre class=code>{escape(text)}</pre></details>"
        for language, text in snippets(shown.operation, ask)
    )


def _exchanges(shown: Shown) -> Iterator[str]:
    for place, (ask, reply) in enumerate(shown.exchanges):
        opened = " open" if place == 0 else ""
        yield (
            f"<details{opened}><summary>{escape(ask.name)}: {reply.status}</summary>"
            f"{_asked(shown.operation, ask)}{_replied(reply)}</details>"
        )


def _asked(operation: Operation, ask: Ask) -> str:
    lines = [f"{operation.method} {operation.target_of(ask)}"]
    lines += [f"{name}: {value}" for name, value in ask.fields().items()]
    if ask.body:
        lines += ["", _pretty(ask.body, ask.kind)]
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _replied(reply: Reply) -> str:
    if reply.kind == HTML:
        return "<p>A page.</p>"
    return f"<pre>{escape(_pretty(reply.body, reply.kind))}</pre>"


def _pretty(body: bytes, kind: str) -> str:
    """Return a body for people, in lines where it is JSON."""
    if not kind.endswith("json"):
        return body.decode()
    try:
        return msgspec.json.format(body, indent=2).decode()
    except msgspec.DecodeError:
        return body.decode()  # the example of a body that is not JSON


def _form(operation: Operation, identifier: str, shown: Shown) -> str:
    """Return what sends a request: without JavaScript, a browser can ask with a query."""
    places = {each["in"] for each in operation.parameters}
    is_plain = operation.method == "GET" and "path" not in places
    first = shown.exchanges[0][0] if shown.exchanges else None
    inputs = "".join(
        _input(f"{identifier}-{number}", each)
        for number, each in enumerate(operation.parameters)
    )
    action = f' action="{escape(operation.told[1:] or ".")}"' if is_plain else " hidden"
    return (
        f"<h4{'' if is_plain else ' hidden'}>Try it</h4><form class=try{action} "
        f'data-method="{operation.method}" data-path="{escape(operation.told)}">'
        f"{inputs}{_body(identifier, operation, first)}<button>Send</button>"
        "<output></output></form>"
    )


def _input(identifier: str, parameter: Schema) -> str:
    value = parameter.get("example", "")
    text = value if isinstance(value, str) else show(value)
    return (
        f'<div><label for="{identifier}">{escape(parameter["name"])}</label>'
        f'<input id="{identifier}" name="{escape(parameter["name"])}" '
        f'data-in="{parameter["in"]}" value="{escape(text)}"></div>'
    )


def _body(identifier: str, operation: Operation, ask: Ask | None) -> str:
    if not operation.bodies or ask is None:
        return ""
    kinds = "".join(
        f"<option{' selected' if kind == ask.kind else ''}>{escape(kind)}</option>"
        for kind in operation.bodies
    )
    return (
        f'<div><label for="{identifier}-kind">Content-Type</label>'
        f'<select id="{identifier}-kind" name="Content-Type" data-in="header">{kinds}'
        f'</select></div><div><label for="{identifier}-body">Body</label>'
        f'<textarea id="{identifier}-body" data-in="body" spellcheck=false>'
        f"{escape(_pretty(ask.body, ask.kind))}</textarea></div>"
    )


def _errors(problems: Iterable[type[Problem]]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{problem.status:d}</th><td>{_link(problem)}</td></tr>"
        for problem in problems
    )
    return (
        '<section id="errors" aria-labelledby="h-errors">'
        '<h2 id="h-errors">Errors that any request may get</h2>'
        f"<table><tbody>{rows}</tbody></table></section>"
    )
