"""Writes a comparison as text of fixed width."""

from collections.abc import Iterator, Sequence

from convert.compare.comparison import Comparison, Entry
from convert.training.estimates import SCORES, FoldMean

HEADS = [
    "",
    "R²",
    "MAE",
    "MSE",
    "RMSE",
    "held out",
    "fit",
    "bytes",
    "µs",
    "discrepancy",
]


def write_text(comparison: Comparison) -> str:
    """Return the table and what was chosen."""
    ranked = sorted(
        comparison.entries, key=lambda entry: -entry.cross_validated["r2_score"].mean
    )
    rows = [_row(entry, entry.name == comparison.choice.name) for entry in ranked]
    refusals = [
        f"{one.title} has no file: {one.refusal}" for one in ranked if one.refusal
    ]
    return "\n".join(
        [
            *align([HEADS, *rows]),
            "",
            f"R² to RMSE: mean ± standard error (how far chance moves it; "
            f"corrected, since folds share rows) over {comparison.n_folds} folds "
            f"× {comparison.n_repeats} repeats of {comparison.n_train_rows:,} rows; "
            f"held out: R² on {comparison.n_test_rows:,} other rows.",
            *refusals,
            "",
            comparison.choice.sentence,
        ]
    )


def align(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def _row(entry: Entry, is_chosen: bool) -> list[str]:
    scores = [_figure(entry.cross_validated[name], name) for name in SCORES]
    found = entry.conversion
    return [
        f"{'→' if is_chosen else ' '} {entry.title}",
        *scores,
        f"{entry.test['r2_score']:.4f}",
        f"{1000 * entry.fit_seconds:,.0f} ms",
        f"{found.n_bytes:,}" if found else "none",
        f"{found.latency_us:,.1f}" if found else "none",
        f"{found.discrepancy:.1e}" if found else "none",
    ]


def _figure(estimate: FoldMean, name: str) -> str:
    n_digits = 4 if name == "r2_score" else 3
    mean, error = estimate.mean, estimate.standard_error
    if name == "r2_score":
        return f"{mean:.{n_digits}f} ± {error:.{n_digits}f}"
    return f"{mean:.{n_digits}g} ± {error:.2g}"
