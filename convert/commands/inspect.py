"""`python -m convert inspect`: what a model file accepts, returns, contains."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from convert.errors import listed
from convert.proof.replay import open_model, say_golden_rows
from convert.report.beside import warn_of_card
from convert.report.markdown import visible
from convert.report.sentences import proof, say_bounds, say_range, say_seen
from server.model_file.protobuf import Field, fields
from server.signature import Feature, Signature, Target

MAX_NAMED_VALUES = 6

GRAPH, OPSETS = 7, 8
NODES, OUTPUTS = 1, 12
OPERATOR, OUTPUT_NAME = 4, 1
DOMAIN, VERSION = 1, 2
"""Fields of a model, its graph, a node, an output and an operator set (onnx.proto).

The library that knows them all takes longer to load than everything else here.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "inspect",
        description="Show what a model file accepts, returns, contains and was measured "
        "to do.",
        epilog="example:\n  python -m convert inspect models/student_performance.onnx",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="ends with .onnx")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Return the report on a file."""
    content, signature = open_model(arguments.file)
    warn_of_card(arguments.file, signature.version)
    graph = read_graph(content)
    if arguments.json:
        whole = {"signature": msgspec.to_builtins(signature), "graph": graph}
        return json.dumps(whole, indent=2)
    return "\n".join(map(visible, _report(signature, graph)))


def read_graph(content: bytes) -> dict[str, Any]:
    """Return the size of a model file, and what its graph is made of."""
    model = _Message(content, 0, len(content))
    (graph,) = model.inner(GRAPH)
    operators = Counter(node.text(OPERATOR) for node in graph.inner(NODES))
    return {
        "n_bytes": len(content),
        "n_nodes": operators.total(),
        "operators": dict(sorted(operators.items())),
        "opsets": {
            each.text(DOMAIN) or "ai.onnx": each.number(VERSION)
            for each in model.inner(OPSETS)
        },
        "outputs": [output.text(OUTPUT_NAME) for output in graph.inner(OUTPUTS)],
    }


class _Message(NamedTuple):
    """A message of ONNX in the bytes of a file."""

    content: bytes
    start: int
    stop: int

    def of(self, number: int) -> list[Field]:
        return [
            field
            for field in fields(self.content, self.start, self.stop)
            if field.number == number
        ]

    def inner(self, number: int) -> list["_Message"]:
        return [_Message(self.content, f.start, f.stop) for f in self.of(number)]

    def text(self, number: int) -> str:
        return "".join(
            str(self.content[f.start : f.stop], "utf-8") for f in self.of(number)
        )

    def number(self, number: int) -> int:
        return sum(field.value for field in self.of(number))


def _report(signature: Signature, graph: dict[str, Any]) -> Iterator[str]:
    yield f"{signature.title} ({signature.name}, version {signature.version})"
    yield from signature.description.splitlines()
    yield from ("", "accepts")
    width = max(len(feature.name) for feature in signature.features)
    for feature in signature.features:
        yield f"  {feature.name:<{width}}  {_feature(feature)}"
    if signature.ignored:
        named = listed(signature.ignored, MAX_NAMED_VALUES)
        yield from ("", "ignores", f"  {named}")
    yield from ("", "returns")
    for target in signature.targets:
        yield f"  {_target(target)}"
    if "contributions" in graph["outputs"]:
        yield "  contributions: one a feature, which add up to the prediction"
    yield from ("", "contains")
    opsets = ", ".join(f"{domain} {n}" for domain, n in graph["opsets"].items())
    yield f"  {signature.estimator}: {graph['n_nodes']} nodes, {graph['n_bytes']:,} bytes"
    yield f"  opsets {opsets}"
    yield f"  made with {_libraries(signature)}"
    yield from ("", "measured")
    yield from (f"  {line}" for line in _measured(signature))


def _feature(feature: Feature) -> str:
    return f"{_values(feature)}; {_missing(feature)}"


def _values(feature: Feature) -> str:
    if not feature.categories:
        return say_range(feature)
    named = listed(map(str, feature.categories), MAX_NAMED_VALUES)
    others = "rejected" if feature.unknown == "reject" else "ignored"
    if feature.encoder:
        others += f", because {feature.encoder} is not scikit-learn's"
    return f"{feature.kind}: {named}; others {others}"


def _missing(feature: Feature) -> str:
    if feature.required:
        return "required"
    if feature.imputed is None:
        return "may be missing"
    return f"missing counts as {feature.imputed}"


def _target(target: Target) -> str:
    if target.kind == "classification":
        return f"{target.name}: one of {', '.join(map(str, target.classes))}"
    unit = f"in {target.unit}" if target.unit else ""
    words = filter(None, ("a number", unit, say_bounds(target)))
    parts = filter(None, (" ".join(words), say_seen(target), _interval(target)))
    return f"{target.name}: {'; '.join(parts)}"


def _interval(target: Target) -> str:
    interval = target.interval
    if interval is None:
        return ""
    said = f"± {interval.half_width:.4g} in {interval.coverage:.0%} of rows"
    if interval.measured_coverage is None:
        return said
    n_rows, measured = interval.n_measured_rows, interval.measured_coverage
    return f"{said}, measured {measured:.1%} of {n_rows:,}"


def _libraries(signature: Signature) -> str:
    return ", ".join(map(" ".join, signature.provenance.libraries.items()))


def _measured(signature: Signature) -> Iterator[str]:
    provenance = signature.provenance
    for name, score in provenance.scores.items():
        yield f"{name} {score:.4f} on {provenance.n_test_rows:,} rows"
    yield proof(provenance, "the file would not have been made")
    yield say_golden_rows(signature)
