"""Writes a comparison as a page for people, the choice first."""

from collections.abc import Iterator, Sequence

from convert.compare import pictures
from convert.compare.comparison import Comparison, Entry
from convert.report import page
from convert.report.page import Markup, tag
from convert.training.groups import CONFIDENCE, MIN_ROWS, GroupError, say, signed

SECTIONS = {
    "choice": "The choice",
    "candidates": "The nine",
    "predictions": "Predicted and actual",
    "groups": "Who it errs on",
    "method": "Method",
}


def write_page(comparison: Comparison) -> str:
    """Return one self-contained HTML page."""
    links = [
        tag("li", tag("a", text, href=f"#{identifier}"))
        for identifier, text in SECTIONS.items()
    ]
    ranked = sorted(
        comparison.entries, key=lambda entry: -entry.cross_validated["r2_score"].mean
    )
    chosen = comparison.entry(comparison.choice.name)
    return page.document(
        f"{comparison.target}: nine regressors compared",
        tag(
            "header",
            tag("h1", f"Which model predicts {_plain(comparison.target)}?"),
            tag("p", comparison.choice.sentence, class_="lede"),
            tag("nav", tag("ul", *links), aria_label="Sections"),
        ),
        _choice(comparison, ranked, chosen),
        _candidates(comparison, ranked),
        _predictions(comparison, ranked, chosen),
        _groups(comparison, chosen),
        _method(comparison),
    )


def _choice(comparison: Comparison, ranked: Sequence[Entry], chosen: Entry) -> Markup:
    found = chosen.conversion
    if found is None:
        raise AssertionError("only what has a file can be chosen")
    unit = f" {comparison.unit}" if comparison.unit else ""
    error = chosen.test["mean_absolute_error"]
    facts = {
        "chosen": chosen.title,
        "mean absolute error": f"{error:.3g}{unit}",
        "R²": f"{chosen.test['r2_score']:.3f}",
        "size of the file": _size(found.n_bytes),
        "time for one row": f"{found.latency_us:,.0f} µs",
    }
    tiles = [tag("div", tag("dt", key), tag("dd", text)) for key, text in facts.items()]
    drawn = [
        page.picture(
            pictures.scores(comparison, ranked, "scores"),
            f"Right of the dashed line, {comparison.choice.threshold:.3f}, a regressor "
            "is as good as the best within one standard error. Orange: the choice.",
            "How well each regressor predicts",
        ),
        page.picture(
            pictures.trade_off(comparison, "trade-off"),
            "Up is better, left is smaller or faster. Along the green line nothing is "
            "better without being larger or slower (the Pareto front).",
            "What accuracy costs in size and time",
        ),
    ]
    return page.section(
        "choice",
        SECTIONS["choice"],
        tag("dl", *tiles, class_="facts"),
        tag(
            "p",
            f"Error and R² are those on {comparison.n_test_rows:,} rows that took no part "
            "in the choice. R² is the share of the differences between rows that the "
            "model foresees: 1 is perfect, 0 no better than always naming the average.",
            class_="note",
        ),
        tag("div", *drawn, class_="pictures"),
    )


def _candidates(comparison: Comparison, ranked: Sequence[Entry]) -> Markup:
    unit = f", {comparison.unit}" if comparison.unit else ""
    refusals = [
        tag("p", f"{one.title} has no file: {one.refusal}", class_="note")
        for one in ranked
        if one.refusal
    ]
    return page.section(
        "candidates",
        SECTIONS["candidates"],
        page.table(
            f"Mean ± standard error over {comparison.n_folds} folds × "
            f"{comparison.n_repeats} repeats of {comparison.n_train_rows:,} rows",
            ["Regressor", "R²", f"MAE{unit}", "MSE", f"RMSE{unit}"],
            [_score_row(entry) for entry in ranked],
        ),
        page.table(
            "Each fitted on all of these rows, on the held-out rows and as ONNX",
            [
                "Regressor",
                "R², held out",
                f"MAE{unit}",
                f"RMSE{unit}",
                "Fit",
                "Bytes",
                "Prediction",
                "Discrepancy",
            ],
            [_cost_row(entry) for entry in ranked],
        ),
        *refusals,
        page.table(
            "The parameters that did best",
            ["Regressor", "Trials", "Parameters"],
            [
                [entry.title, f"{entry.n_trials:,}", _parameters(entry)]
                for entry in ranked
            ],
        ),
    )


def _score_row(entry: Entry) -> list[str]:
    r2, *errors = entry.cross_validated.values()
    return [
        entry.title,
        f"{r2.mean:.4f} ± {r2.standard_error:.4f}",
        *(f"{one.mean:.3g} ± {one.standard_error:.2g}" for one in errors),
    ]


def _cost_row(entry: Entry) -> list[str]:
    found = entry.conversion
    return [
        entry.title,
        f"{entry.test['r2_score']:.4f}",
        f"{entry.test['mean_absolute_error']:.3g}",
        f"{entry.test['root_mean_squared_error']:.3g}",
        f"{1000 * entry.fit_seconds:,.0f} ms",
        f"{found.n_bytes:,}" if found else "no file",
        f"{found.latency_us:,.1f} µs" if found else "",
        f"{found.discrepancy:.0e}" if found else "",
    ]


def _parameters(entry: Entry) -> str:
    if not entry.parameters:
        return "nothing to tune"
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in entry.parameters.items()
    )


def _predictions(
    comparison: Comparison, ranked: Sequence[Entry], chosen: Entry
) -> Markup:
    others = [entry for entry in ranked if entry is not chosen]
    drawn = [
        page.picture(
            pictures.actual_against_predicted(comparison, chosen, "actual"),
            "A point is a row. On the line the prediction is right; above it, too low.",
            f"{_capital(chosen.title)}: actual against predicted",
        ),
        page.picture(
            pictures.residuals(comparison, chosen, "residuals"),
            _residuals_caption(comparison, chosen),
            f"{_capital(chosen.title)}: what is left over",
        ),
    ]
    return page.section(
        "predictions",
        SECTIONS["predictions"],
        tag("p", f"On the {comparison.n_test_rows:,} rows that were held out."),
        tag("div", *drawn, class_="pictures"),
        tag("div", *_others(comparison, others), class_="pictures"),
    )


def _others(comparison: Comparison, others: Sequence[Entry]) -> Iterator[Markup]:
    """Yield the better and the worse half, side by side where there is room."""
    half = -(-len(others) // 2)
    for name, part in (("better", others[:half]), ("worse", others[half:])):
        yield page.picture(
            pictures.all_predictions(comparison, part, name),
            "All on the same scales; beside each name its R².",
            f"The {name} half of the others",
        )


def _residuals_caption(comparison: Comparison, entry: Entry) -> str:
    errors = [
        abs(a - p) for a, p in zip(comparison.actual, entry.predictions, strict=True)
    ]
    errors.sort()
    unit = f" {comparison.unit}" if comparison.unit else ""
    half, most = errors[len(errors) // 2], errors[len(errors) * 9 // 10]
    return (
        f"Half of the predictions are off by at most {half:.2g}{unit}, nine in ten by at "
        f"most {most:.2g}{unit}."
    )


def _groups(comparison: Comparison, chosen: Entry) -> Markup:
    found = comparison.groups
    title = SECTIONS["groups"]
    if not found:
        nothing = f"No column has groups of at least {MIN_ROWS} rows."
        return page.section("groups", title, tag("p", nothing))
    unit = f", {comparison.unit}" if comparison.unit else ""
    overall = chosen.cross_validated["mean_absolute_error"]
    said = say(found, comparison.unit)
    sentences = tag("ul", *(tag("li", text) for text in said), class_="plain")
    return page.section(
        "groups",
        title,
        tag(
            "p",
            "A model that is good on average may still be unfair to some. Each row is "
            "predicted by a model that has not seen it.",
        ),
        sentences,
        page.picture(
            pictures.groups(found, overall.mean, comparison.unit, "groups-picture"),
            f"Mean absolute error with its {CONFIDENCE:.0%} interval, the number of rows "
            "in brackets; dashed: of all rows. Orange: differs from the others by more "
            "than chance explains.",
            "Error of each group",
        ),
        page.table(
            "Error by group",
            [
                "Group",
                "Rows",
                f"Mean absolute error{unit}",
                "More than elsewhere",
                "Predicted − actual",
            ],
            [_group_row(one) for one in found],
        ),
        tag("p", _group_note(found), class_="note"),
    )


def _group_row(one: GroupError) -> list[str]:
    return [
        f"{_plain(one.column)}: {one.group}",
        f"{one.n_rows:,}",
        f"{one.error.mean:.2f} ({one.error.low:.2f} to {one.error.high:.2f})",
        *(
            f"{signed(each.mean)} ({signed(each.low)} to {signed(each.high)})"
            for each in (one.excess, one.bias)
        ),
    ]


def _group_note(found: Sequence[GroupError]) -> str:
    return (
        f"The intervals of the last two columns are wide on purpose: with {len(found)} "
        f"groups, all of them together hold with {CONFIDENCE:.0%} confidence (Bonferroni). "
        f"Groups of fewer than {MIN_ROWS} rows are left out. A group in which the target "
        "itself varies more is harder to predict, whatever the model."
    )


def _method(comparison: Comparison) -> Markup:
    lines = [
        f"{comparison.test_size:.0%} of the rows of {comparison.table}, chosen at random "
        f"with seed {comparison.seed}, are held out and scored once, after the choice.",
        f"Parameters are tuned on the other {comparison.n_train_rows:,} rows by "
        f"{comparison.n_folds}-fold cross-validation (Optuna, TPE). The first trial has "
        "each library's defaults or what is near them.",
        f"Scores are those of the tuned regressors over {comparison.n_folds} folds × "
        f"{comparison.n_repeats} repeats, other folds than those of the tuning but the "
        "same rows: this flatters tuned regressors a little, never the one that has "
        "nothing to tune.",
        "Imputing, scaling and encoding are fitted within each fold.",
        "The standard error is the corrected one of Nadeau and Bengio, for folds share "
        "rows: s · √(1/n + 1/(folds − 1)).",
        "The rule: the smallest file whose R² is within one standard error of the best; "
        "sizes within 1% are equal, and then the one with the fewest parameters to tune "
        "is taken.",
        "Fit is the median over the folds, on one thread. Bytes are those of the whole "
        "file. Prediction is the median time for one row, in the quietest of several "
        "spells, in the runtime that serves the file, without a network. Discrepancy is "
        "the largest difference between scikit-learn and the file.",
        f"Table: SHA-256 {comparison.table_sha256}.",
        f"Made in {comparison.seconds:,.0f} s with "
        + ", ".join(map(" ".join, comparison.libraries.items()))
        + ".",
    ]
    listed = tag("ul", *(tag("li", line) for line in lines), class_="plain")
    return page.section("method", SECTIONS["method"], listed)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1000:,.1f} kB" if n_bytes < 1e6 else f"{n_bytes / 1e6:,.1f} MB"


def _plain(column: str) -> str:
    return column.replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
