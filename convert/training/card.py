"""Writes the model card: Markdown for people, all of it from the signature."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from convert.errors import listed
from convert.report.beside import MARK, size
from convert.report.markdown import block, code, table, text
from convert.report.sentences import (
    _unit,
    doubt,
    join,
    proof,
    say_bounds,
    say_interval,
    say_range,
)
from convert.training.evaluation import Evaluation
from convert.training.groups import CONFIDENCE, GroupMean, say
from server.signature import Feature, Provenance, Signature, Target

SCORE_NAMES = {
    "accuracy_score": "accuracy (share of labels that are right)",
    "r2_score": "R² (1 is perfect, 0 is no better than the average)",
    "mean_absolute_error": "mean absolute error",
    "root_mean_squared_error": "root mean squared error",
}


def write_card(
    signature: Signature, n_bytes: int, evaluation: Evaluation | None = None
) -> str:
    """Return the card of a model whose file has `n_bytes`."""
    sections = [
        f"# {text(signature.title)}",
        text(signature.description),
        *_quality(signature, evaluation),
        *(_evaluation(signature, evaluation) if evaluation else ()),
        *_features(signature.features),
        *_limits(signature.features, signature.targets),
        *_origin(signature, n_bytes),
        MARK,
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _quality(signature: Signature, evaluation: Evaluation | None) -> Iterator[str]:
    provenance = signature.provenance
    targets = signature.targets
    unit = text(targets[0].unit)
    yield "## How good it is"
    if provenance.scores:
        named = " and ".join(
            f"{code(target.name)} ({text(target.title)})" for target in targets
        )
        yield f"{named}, predicted for {_test_rows(provenance)}:"
        sure = evaluation.scores if evaluation else {}
        yield table(
            ("score", "value", f"{CONFIDENCE:.0%} interval")
            if sure
            else ("score", "value"),
            (
                (
                    SCORE_NAMES.get(name, name),
                    f"{score:.4f}{_unit(name, unit)}",
                    *(
                        [f"{sure[name].low:.4f} to {sure[name].high:.4f}"]
                        if sure
                        else []
                    ),
                )
                for name, score in provenance.scores.items()
            ),
        )
        yield doubt(provenance)
    yield from _intervals(targets)
    yield proof(provenance)


def _evaluation(signature: Signature, evaluation: Evaluation) -> Iterator[str]:
    unit = signature.targets[0].unit
    yield "## What moves a prediction"
    yield f"![How much worse the model is without each column]({quote(evaluation.picture)})"
    yield (
        "A column is worth the error that is added when its values are shuffled between "
        "the rows: point and line are the mean and the range of several shuffles. Columns "
        "that say much the same share what they are worth."
    )
    if evaluation.groups:
        yield "## Who it errs on"
        yield "\n".join(f"- {text(said)}" for said in say(evaluation.groups, unit))
        yield table(
            (
                "group",
                "rows",
                f"mean absolute error ({CONFIDENCE:.0%} interval)",
                "predicted − actual (interval for all groups together)",
            ),
            (
                (
                    f"{code(one.column)}: {text(one.group)}",
                    f"{one.n_rows:,}",
                    _interval(one.error),
                    _interval(one.bias),
                )
                for one in evaluation.groups
            ),
        )


def _interval(interval: GroupMean) -> str:
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})".replace(
        "-", "−"
    )


def _test_rows(provenance: Provenance) -> str:
    rows = f"{provenance.n_test_rows:,} rows"
    if not provenance.n_train_rows:  # nobody knows what a given pipeline was fitted on
        return f"{rows} ({provenance.split})"
    return f"{rows} that the model has not seen ({provenance.split})"


def _intervals(targets: Sequence[Target]) -> Iterator[str]:
    for target in targets:
        name, unit = code(target.name), text(target.unit)
        yield say_interval(msgspec.structs.replace(target, name=name, unit=unit))


def _features(features: Sequence[Feature]) -> Iterator[str]:
    yield "## What it reads"
    yield table(
        ("column", "meaning", "values", "a missing value", "typical"),
        (
            (
                code(feature.name),
                text(join([feature.title, feature.description], ": ")),
                text(_values(feature)),
                text(_missing(feature)),
                "" if feature.typical is None else text(_quoted(feature.typical)),
            )
            for feature in features
        ),
    )


def _values(feature: Feature) -> str:
    if feature.categories:
        values = ", ".join(_quoted(value) for value in feature.categories)
        return values if feature.unknown == "reject" else f"{values}, or any other"
    return say_range(feature)


def _missing(feature: Feature) -> str:
    if feature.required:
        return "is refused"
    if feature.imputed is None:
        return "is accepted"
    return f"counts as {_quoted(feature.imputed)}"


def _limits(features: Sequence[Feature], targets: Sequence[Target]) -> Iterator[str]:
    yield "## What it is not for"
    sentences = [
        "Nothing is known about rows unlike those of the table: beyond the values seen "
        "in training a prediction is a guess.",
        *_beyond(targets),
        "What goes together in the table need not be cause and effect: changing a value "
        "of a row does not say what would happen to a person.",
    ]
    encoded = [feature for feature in features if feature.categories]
    asked = [feature for feature in encoded if feature.encoder]
    strict = [f for f in encoded if f.unknown == "reject" and f not in asked]
    if strict:
        of = f" of {listed(code(f.name) for f in strict)}" if strict != encoded else ""
        refused = f"A category{of} that was not seen in training is refused"
        sentences.insert(1, f"{refused}: nothing was learned about it.")
    sentences += [
        f"A value of {code(feature.name)} beside those above is refused: the column goes "
        f"through {text(feature.encoder)}, which is not scikit-learn's and was asked for "
        "these only."
        for feature in asked
    ]
    yield "\n".join(f"- {sentence}" for sentence in sentences)


def _beyond(targets: Sequence[Target]) -> Iterator[str]:
    """Say that nothing is cut off, and beyond which values a warning stands."""
    if targets[0].kind == "classification":
        return
    yield "A prediction is what the regressor returns; it is not cut off at any bound."
    for target in targets:
        ranges = []
        if bounds := say_bounds(target):
            can_be = join([bounds, text(target.unit)], " ")
            ranges.append(f"beyond what it can be ({can_be})")
        if target.observed:
            seen = "{:g} to {:g}".format(*target.observed)
            ranges.append(f"beyond what was seen ({seen}) by more than its error")
        if ranges:
            yield f"A warning says where {code(target.name)} is {' or '.join(ranges)}."


def _origin(signature: Signature, n_bytes: int) -> Iterator[str]:
    provenance = signature.provenance
    yield "## Where it comes from"
    facts = {
        "model": f"{code(signature.name)}, version {code(signature.version)}",
        "file": size(n_bytes),
        "estimator": text(signature.estimator),
        "made": signature.created,
        "table": text(_fitted(provenance)),
        "SHA-256 of the table": code(provenance.dataset_sha256),
        "made with": text(join(map(" ".join, provenance.libraries.items()), ", ")),
    }
    known = [(name, fact) for name, fact in facts.items() if fact]
    yield table(("", ""), known)
    if provenance.command:
        yield (
            "With these libraries, on the same kind of processor and beside the files that "
            "it names, this command makes the same file, byte for byte:"
        )
        yield block(provenance.command, "sh")


def _fitted(provenance: Provenance) -> str:
    if not provenance.dataset:
        return ""
    rows = f"{provenance.dataset}, {provenance.n_rows:,} rows"
    if not provenance.n_train_rows:
        return f"{rows}; what the pipeline was fitted on is not known"
    return f"{rows}, of which {provenance.n_train_rows:,} were fitted"


def _quoted(value: object) -> str:
    return f"“{value}”" if isinstance(value, str) else str(value)
