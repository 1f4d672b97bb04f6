"""The page for people: a form made from the signature, without JavaScript."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from html import escape
from urllib.parse import parse_qs, quote

import msgspec

from server.batch import Batch, Prediction
from server.contracts.predict.rows import check_row
from server.contracts.text import value_of
from server.problems import Problem, pointer
from server.signature import (
    LARGEST_SAID,
    Feature,
    Signature,
    Target,
    Value,
    is_text,
    show,
)

Predict = Callable[[Batch, Sequence[str]], Awaitable[Prediction]]

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""The page loads nothing and runs no script."""

MAX_SHOWN_CLASSES = 10
"""The most probable; of the others only how many, and their sum."""

STYLE = """
:root { color-scheme: light dark; --line: #8886; --accent: #2457c5; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --accent: #9dbcff; --bad: #ff9d94 } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 38rem; margin: 2rem auto;
  padding: 0 1rem; background: Canvas; color: CanvasText } a { color: var(--accent) }
form { display: grid; gap: 1rem }
label { font-weight: 600 } small { display: block } .hint { opacity: .8 }
input, select, button { font: inherit; width: 100%; box-sizing: border-box;
  padding: .5rem; border: 1px solid var(--line); border-radius: .4rem;
  background: Field; color: FieldText }
button { background: var(--accent); color: Canvas; border: 0; font-weight: 600 }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[role=status], [role=alert] { border-left: .3rem solid var(--accent);
  padding: .5rem 1rem; margin: 1rem 0; font-size: 1.25rem }
[role=alert], .fault { border-color: var(--bad); color: var(--bad) }
[aria-invalid=true] { border: 2px solid var(--bad) }
[role=status] > * { margin: 0 } [role=status] * + .doubts { margin-top: .5rem }
.more, .doubts, [role=status] ul { font-size: 1rem }
table { border-collapse: collapse; width: 100% } main > table { margin: 1rem 0 }
caption { text-align: left }
th { font-weight: 400; text-align: left } td { text-align: right }
td { font-variant-numeric: tabular-nums } th, td { border-top: 1px solid var(--line) }
details { margin: 1rem 0 } summary { font-weight: 600; cursor: pointer }
"""


class Page(msgspec.Struct, frozen=True):
    """What the page shows.

    Parameters
    ----------
    model_names
        Of every model served, for the links between their forms.
    texts
        What the person typed, by feature name; None before they did.
    includes
        What the model can add to a prediction.
    prediction
        In the target's unit, by target name.
    intervals
        By target name, where the model has them: low, high and coverage.
    probabilities
        By label, where the model has them.
    contributions
        By feature name, in the target's unit; they and `baseline` make the prediction.
    """

    signature: Signature
    model_names: tuple[str, ...]
    includes: tuple[str, ...] = ()
    texts: dict[str, str] | None = None
    prediction: dict[str, Value] = {}
    intervals: dict[str, dict[str, float]] = {}
    probabilities: dict[str, float] = {}
    baseline: float = 0.0
    contributions: dict[str, float] = {}
    warnings: list[dict[str, str]] = []
    problem: str = ""
    faults: dict[str, str] = {}

    async def answered(self, body: bytes, predict: Predict) -> "Page":
        """Return the page that answers a posted form (URL-encoded, UTF-8)."""
        limit = len(self.signature.features) + 1
        text = body.decode("utf-8", "replace")
        try:
            fields = parse_qs(text, keep_blank_values=True, max_num_fields=limit)
        except ValueError:
            return msgspec.structs.replace(
                self, problem=f"The form has more than {limit} fields."
            )
        texts = {name: values[-1] for name, values in fields.items()}
        row = {
            feature.name: value_of(feature, texts.get(feature.name, ""))
            for feature in self.signature.features
        }
        page = msgspec.structs.replace(self, texts=texts)
        try:
            batch = check_row(row, self.signature)
            prediction = await predict(batch, self.includes)
        except Problem as problem:
            faults = {fault.pointer: fault.detail for fault in problem.faults}
            return msgspec.structs.replace(page, problem=problem.detail, faults=faults)
        return page.with_prediction(prediction)

    def with_prediction(self, prediction: Prediction) -> "Page":
        """Return the page that shows the prediction of one row."""
        value = prediction.values[0]
        included = {name: next(iter(it)) for name, it in prediction.included.items()}
        intervals = included.get("interval", {})
        if not isinstance(value, dict):
            name = self.signature.targets[0].name
            value = {name: value}
            intervals = {name: intervals} if intervals else {}
        return msgspec.structs.replace(
            self,
            prediction=value,
            intervals=intervals,
            probabilities=included.get("probabilities", {}),
            baseline=prediction.baseline or 0.0,
            contributions=included.get("contributions", {}),
            warnings=included.get("warnings", []),
        )

    def html(self) -> str:
        """Return the whole document."""
        return _document(
            self.signature.title or self.signature.name,
            f"<p>{escape(self.signature.description)}</p>"
            f"{self._result()}{self._form()}{self._others()}",
        )

    def _result(self) -> str:
        if self.problem:
            return f'<p role="alert">{escape(self.problem)}</p>'
        if not self.prediction:
            return ""
        lines = "".join(map(self._line, self.signature.targets))
        return (
            f'<div role="status">{lines}{self._doubts()}</div>'
            f"{self._shares()}{self._reasons()}"
        )

    def _line(self, target: Target) -> str:
        """Return what is predicted of a target, and between which ends the truth is."""
        value = self.prediction[target.name]
        shown = _text(value) if target.classes else _shown(value)
        label = escape(target.title or target.name)
        line = f"<p>{label}: <strong>{escape(shown)}</strong> {escape(target.unit)}</p>"
        found = self.intervals.get(target.name)
        if found is None:
            return line
        return f'{line}<p class="more">{escape(_interval(target, found))}</p>'

    def _doubts(self) -> str:
        targets = _titles(self.signature.targets)
        features = _titles(self.signature.features)
        items = ""
        for each in self.warnings:
            is_feature = "feature" in each
            title = features[each["feature"]] if is_feature else targets[each["target"]]
            items += f"<li>{escape(title)}: {escape(each['detail'])}</li>"
        return (
            f'<p class="doubts">To keep in mind:</p><ul>{items}</ul>' if items else ""
        )

    def _shares(self) -> str:
        """Return how probable each class is, largest first."""
        if not self.probabilities:
            return ""
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        shown, others = ranked[:MAX_SHOWN_CLASSES], ranked[MAX_SHOWN_CLASSES:]
        if others:
            word = "other" if len(others) == 1 else "others"
            total = sum(share for _, share in others)
            shown.append((f"and {len(others)} {word}", total))
        rows = "".join(
            f"<tr><th scope=row>{escape(label)}</th><td>{share:.1%}</td></tr>"
            for label, share in shown
        )
        return f"<table><caption>How probable each is</caption>{rows}</table>"

    def _reasons(self) -> str:
        """Return what moved the prediction away from the average, largest first."""
        if not self.contributions:
            return ""
        titles = _titles(self.signature.features)
        ranked = sorted(self.contributions.items(), key=lambda item: -abs(item[1]))
        rows = "".join(
            f"<tr><th scope=row>{escape(titles[name])}</th><td>{added:+,.1f}</td></tr>"
            for name, added in ranked
        )
        unit = escape(self.signature.targets[0].unit)
        return (
            f"<details open><summary>Why</summary><table><caption>The average is "
            f"{_shown(self.baseline)} {unit}; each value adds</caption>{rows}</table>"
            "</details>"
        )

    def _form(self) -> str:
        fields = "".join(
            self._field(f"f{position}", feature)
            for position, feature in enumerate(self.signature.features)
        )
        action = f"?model={quote(self.signature.name)}"  # wherever a proxy has the page
        return (
            f'<form method="post" action="{escape(action)}">{fields}'
            "<button>Predict</button></form>"
        )

    def _field(self, identifier: str, feature: Feature) -> str:
        label = escape(feature.title or feature.name)
        unit = f" ({escape(feature.unit)})" if feature.unit else ""
        fault = self.faults.get(pointer(feature.name), "")
        notes = [("hint", _hint(feature)), ("fault", fault)]
        described = "".join(
            f'<small class="{kind}" id="{identifier}-{kind}">{escape(text)}</small>'
            for kind, text in notes
            if text
        )
        attributes = f'id="{identifier}" name="{escape(feature.name)}"'
        if feature.required:
            attributes += " required"
        if described:
            identifiers = " ".join(
                f"{identifier}-{kind}" for kind, text in notes if text
            )
            attributes += f' aria-describedby="{identifiers}"'
        if fault:
            attributes += ' aria-invalid="true"'
        return (
            f'<div><label for="{identifier}">{label}{unit}</label>'
            f"{self._control(feature, attributes)}{described}</div>"
        )

    def _control(self, feature: Feature, attributes: str) -> str:
        text = self._text(feature)
        choices = _choices(feature)
        if choices:
            return f"<select {attributes}>{_options(feature, choices, text)}</select>"
        if is_text(feature):
            return f'<input {attributes} value="{escape(text)}">'
        return f'<input {attributes} {_bounds(feature)} value="{escape(text)}">'

    def _text(self, feature: Feature) -> str:
        if self.texts is not None:
            return self.texts.get(feature.name, "")
        return "" if feature.typical is None else _default_text(feature.typical)

    def _others(self) -> str:
        others = [name for name in self.model_names if name != self.signature.name]
        return f"<p>Other models: {_links(others)}</p>" if others else ""


def choice(model_names: Iterable[str]) -> str:
    """Return the whole document that lets a person choose a model."""
    return _document("Models", f"<p>Choose one: {_links(model_names)}</p>")


def _document(title: str, body: str) -> str:
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}"
        '<p><a href="docs">How programs ask</a></p></main></body></html>\n'
    )


def _links(model_names: Iterable[str]) -> str:
    return ", ".join(
        f'<a href="?model={escape(quote(name))}">{escape(name)}</a>'
        for name in model_names
    )


def _titles(described: Sequence[Feature | Target]) -> dict[str, str]:
    return {each.name: each.title or each.name for each in described}


def _interval(target: Target, found: dict[str, float]) -> str:
    """Say between which ends the truth is, how often, and how often it was."""
    low, high = _ends(found["low"], found["high"])
    unit = f" {target.unit}" if target.unit else ""
    often = f"in {found['coverage'] * 100:g} of 100 cases"
    if _is_beyond(target, found):
        return (
            f"The model expects it between {low} and {high}{unit} {often}; no true "
            "value can be there."
        )
    said = f"Between {low} and {high}{unit} {often}"
    measured = target.interval
    if measured is None or measured.measured_coverage is None:
        return f"{said}, if the rows that this was measured on were new to the model."
    n_rows = measured.n_measured_rows
    n_within = round(measured.measured_coverage * n_rows)
    return f"{said}; in a test it was so for {n_within:,} of {n_rows:,} rows."


def _is_beyond(target: Target, found: dict[str, float]) -> bool:
    """Tell whether no value that the target can have lies in an interval."""
    return (target.minimum is not None and found["high"] < target.minimum) or (
        target.maximum is not None and found["low"] > target.maximum
    )


def _ends(low: float, high: float) -> tuple[str, str]:
    """Return the ends of a range, in three digits of its width."""
    if not high > low:
        return _shown(low), _shown(high)
    n_decimals = min(max(0, 2 - math.floor(math.log10(high - low))), 12)
    low, high = (round(end, n_decimals) + 0.0 for end in (low, high))  # never "-0"
    return f"{low:,.{n_decimals}f}", f"{high:,.{n_decimals}f}"


def _choices(feature: Feature) -> list[str]:
    if feature.kind == "boolean" and not feature.categories:
        return ["true", "false"]
    return [_text(category) for category in feature.categories]


def _options(feature: Feature, choices: list[str], selected: str) -> str:
    blank = [] if feature.required and selected else [("", "— not known —")]
    options = blank + [(choice, choice) for choice in choices]
    return "".join(
        f'<option value="{escape(value)}"{" selected" * (value == selected)}>'
        f"{escape(label)}</option>"
        for value, label in options
    )


def _bounds(feature: Feature) -> str:
    step = "1" if feature.kind == "integer" else "any"
    attributes = f'type="number" inputmode="decimal" step="{step}"'
    if feature.minimum is not None:
        attributes += f' min="{show(feature.minimum)}"'
    if feature.maximum is not None:
        attributes += f' max="{show(feature.maximum)}"'
    return attributes


def _hint(feature: Feature) -> str:
    """Return the description, the bounds, and what an empty field means."""
    parts = [feature.description] if feature.description else []
    low, high = feature.minimum, feature.maximum
    # beyond these bounds of float32 nobody types a number
    if low is not None and high is not None and max(-low, high) < LARGEST_SAID:
        parts.append(f"From {show(low)} to {show(high)}.")
    if not feature.required and not _choices(feature):
        parts.append("May be left empty.")
    return " ".join(parts)


def _default_text(value: Value) -> str:
    return f"{value:.10g}" if isinstance(value, float) else _text(value)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _shown(value: Value) -> str:
    """Return a prediction to one decimal, or four digits where it is small."""
    if not isinstance(value, float):
        return _text(value)
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.4g}"
