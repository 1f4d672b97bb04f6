"""`python -m convert inspect`: what a model file accepts, returns, contains."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import onnx

from convert.card import proof, say_bounds, say_range, say_seen
from convert.markdown import visible
from convert.refusal import listed
from convert.verify import open_model, say_golden_rows
from server.signature import Feature, Signature, Target

MAX_NAMED_VALUES = 6


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
    signature = open_model(arguments.file)
    graph = read_graph(arguments.file)
    if arguments.json:
        whole = {"signature": msgspec.to_builtins(signature), "graph": graph}
        return json.dumps(whole, indent=2, ensure_ascii=False)
    return "\n".join(map(visible, _report(signature, graph)))


def read_graph(path: Path) -> dict[str, Any]:
    """Return the size of a model file, and what its graph is made of."""
    model = onnx.load(path)
    operators = Counter(node.op_type for node in model.graph.node)
    return {
        "n_bytes": path.stat().st_size,
        "n_nodes": len(model.graph.node),
        "operators": dict(sorted(operators.items())),
        "opsets": {
            each.domain or "ai.onnx": each.version for each in model.opset_import
        },
        "outputs": [output.name for output in model.graph.output],
    }


def _report(signature: Signature, graph: dict[str, Any]) -> Iterator[str]:
    yield f"{signature.title} ({signature.name}, version {signature.version})"
    yield from signature.description.splitlines()
    yield from ("", "accepts")
    width = max(len(feature.name) for feature in signature.features)
    for feature in signature.features:
        yield f"  {feature.name:<{width}}  {_feature(feature)}"
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
