"""Writes the exploratory report, findings first."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from convert.explore import captions, findings, interactions, plots, summaries
from convert.explore.columns import Variable
from convert.explore.exploration import Exploration, Progress, explore_table
from convert.explore.findings import GroupEffect
from convert.explore.interactions import Interaction, Reversal
from convert.report import page, wording
from convert.report.page import Markup, tag

MAX_FINDINGS = 10
MAX_PICTURES = 24
"""Columns with a picture of their own: the target and those that go with it most."""

MAX_GROUPED = 8
"""Categories in the picture and the table of the target by group."""

MAX_INTERACTIONS = 4
SECTIONS = {
    "findings": "Findings",
    "table": "The table",
    "groups": "By group",
    "columns": "Each column",
    "pairs": "Against the target",
    "interactions": "Interactions",
    "associations": "Associations",
    "method": "Method",
}


def _silent(_: str) -> None: ...


def explore(
    frame: pd.DataFrame, target: str, title: str, progress: Progress = _silent
) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    frame
        The table; only an empty cell is missing.
    target
        Name of the column to explain.
    title
        What the table is called.
    progress
        Is told what is being done, in a few words.

    Raises
    ------
    Refusal
        The target is not there, or has nothing to explain.
    """
    found = explore_table(frame, target, progress)
    wanted = wording.capitalise(found.target.title)
    return page.document(
        f"{wanted}: what {title} says",
        _header(found, title),
        _findings(found),
        _table(found),
        _groups(found),
        _columns(found, progress),
        _pairs(found, progress),
        _interactions(found),
        _associations(found),
        _method(found),
    )


def _header(found: Exploration, title: str) -> Markup:
    links = [
        tag("li", tag("a", text, href=f"#{identifier}"))
        for identifier, text in SECTIONS.items()
    ]
    rows = wording.plural(found.n_rows, "row")
    return tag(
        "header",
        tag("h1", f"What goes with {found.target.title}?"),
        tag(
            "p",
            f"{wording.clean(title)}: {rows}, "
            f"{wording.plural(len(found.columns), 'column')}. Every figure on this page "
            "is computed from the table; differences between groups are not proof of "
            "a cause.",
            class_="lede",
        ),
        tag("nav", tag("ul", *links), aria_label="Sections"),
    )


def _findings(found: Exploration) -> Markup:
    clear = [effect for effect in found.ranked if effect.is_clear]
    parts: list[str] = []
    if found.leaks:
        names = wording.listing([remark.column for remark in found.leaks])
        warning = (
            f"Suspected leak: {names}. What all but repeats the target must be known "
            "before the target is; if it is not, drop it and look again."
        )
        parts.append(tag("p", tag("strong", warning)))
    if found.ranked:
        shown = found.ranked[: summaries.MAX_RANKED]
        parts.append(
            page.picture(
                summaries.ranking(shown, "ranking", "Share of variation by column"),
                captions.ranking(shown, len(found.ranked)),
                f"How much of {found.target.title} goes with each column",
            )
        )
    if listed := list(_ranked(found)):
        parts.append(tag("ol", *listed, class_="findings"))
    if len(clear) > MAX_FINDINGS:
        parts.append(tag("p", captions.left_out(clear[MAX_FINDINGS:]), class_="note"))
    unclear = [effect.feature.title for effect in found.ranked if not effect.is_clear]
    if unclear:
        parts.append(
            tag(
                "p", f"No clear association: {wording.listing(unclear)}.", class_="note"
            )
        )
    if not found.ranked:
        parts.append(tag("p", "No other column can be compared with the target."))
    return page.section("findings", "Findings", *parts)


def _ranked(found: Exploration) -> Iterator[Markup]:
    clear = [effect for effect in found.ranked if effect.is_clear]
    for effect in clear[:MAX_FINDINGS]:
        plain = ""
        if isinstance(effect, GroupEffect):
            same = findings.same_groups(effect, found.companions[:3])
            plain = f"{findings.comparison(effect)} {same}"
        n_looks = len(found.ranked) * len(found.outcomes)
        yield _finding(
            findings.headline(effect), plain, findings.detail(effect, n_looks)
        )
    for reversal in found.reversals:
        plain = captions.reversal(reversal, found.outcomes[0])
        yield _finding(interactions.reversal_headline(reversal), plain)
    for sentence, details in captions.together(found.matrix_columns, found.matrix):
        yield _finding(sentence, details)


def _finding(sentence: str, plain: str, statistics: str = "") -> Markup:
    parts = [tag("strong", sentence)]
    if plain.strip():
        parts.append(tag("p", plain))
    if statistics:
        parts.append(tag("small", statistics))
    return tag("li", *parts)


def _table(found: Exploration) -> Markup:
    n_cells = found.n_rows * len(found.columns)
    n_missing = sum(column.n_missing for column in found.columns)
    facts = {
        "rows": f"{found.n_rows:,}",
        "columns": f"{len(found.columns):,}",
        "missing values": f"{n_missing:,}"
        + (f" ({wording.percent(n_missing / n_cells)})" if n_missing else ""),
        "duplicate rows": f"{found.n_duplicates:,}",
    }
    tiles = [tag("div", tag("dt", key), tag("dd", text)) for key, text in facts.items()]
    checks = [f"{remark.column} {remark.text}." for remark in found.leaks]
    checks += [f"{remark.column} {remark.text}." for remark in found.remarks]
    checks += captions.row_checks(found)
    nothing = (
        "Nothing to check: no constant, near-unique or empty column, no far-out values, "
        "no words for missing values, no feature that all but repeats the target."
    )
    listed = tag("ul", *(tag("li", text) for text in checks), class_="plain")
    return page.section(
        "table",
        "The table",
        tag("dl", *tiles, class_="facts"),
        tag("h3", "To check before believing anything"),
        listed if checks else tag("p", nothing),
        page.table(
            "The columns",
            ["Column", "Read as", "Missing", "Different values", "Values"],
            [captions.column_row(column, found.n_rows) for column in found.columns],
        ),
    )


def _groups(found: Exploration) -> Markup:
    title = f"{wording.capitalise(found.target.title)} by group"
    grouped = [
        effect.feature for effect in found.ranked if not effect.feature.is_numeric
    ]
    shown = grouped[:MAX_GROUPED]
    if not shown:
        return page.section("groups", title, tag("p", "No column has groups."))
    parts: list[str] = []
    if len(found.outcomes) == 1:
        outcome = found.outcomes[0]
        drawn = summaries.group_means(shown, outcome, "groups", "Mean of each group")
        caption = captions.group_means(outcome)
        parts.append(page.picture(drawn, caption, "The mean of each group"))
    parts.append(captions.group_table(shown, found))
    if len(grouped) > MAX_GROUPED:
        rest = [column.title for column in grouped[MAX_GROUPED:]]
        text = f"Left out, with smaller effects: {wording.listing(rest)}."
        parts.append(tag("p", text, class_="note"))
    return page.section("groups", title, *parts)


def _columns(found: Exploration, progress: Progress) -> Markup:
    strongest = [effect.feature for effect in found.ranked]
    rest = [c for c in found.columns if c is not found.target and c not in strongest]
    drawable = [
        column
        for column in [found.target, *strongest, *rest]
        if column.kind != "empty" and column.n_distinct > 1
    ]
    pictures = []
    for index, column in enumerate(drawable[:MAX_PICTURES], start=1):
        progress(f"drawing column {index} of {min(len(drawable), MAX_PICTURES)}")
        title = wording.capitalise(column.title)
        drawn = plots.univariate(column, f"column-{index}", f"Distribution of {title}")
        pictures.append(page.picture(drawn, captions.univariate(column), title))
    return page.section(
        "columns",
        "Each column",
        *_cap_note(len(drawable), "columns that vary"),
        tag("div", *pictures, class_="pictures"),
    )


def _cap_note(n_columns: int, what: str) -> Iterator[Markup]:
    if n_columns > MAX_PICTURES:
        text = (
            f"Pictures of {MAX_PICTURES} of {n_columns:,} {what}: those that go with the "
            f"target most. {n_columns - MAX_PICTURES:,} are left out here; the tables "
            "list every column."
        )
        yield tag("p", text, class_="note")


def _pairs(found: Exploration, progress: Progress) -> Markup:
    shown = found.ranked[:MAX_PICTURES]
    pictures = []
    for index, effect in enumerate(shown, start=1):
        progress(f"drawing pair {index} of {len(shown)}")
        pictures.append(_pair(found, effect.feature, f"pair-{index}"))
    title = f"Each column against {found.target.title}"
    if not pictures:
        nothing = tag("p", "No other column can be compared with the target.")
        return page.section("pairs", title, nothing)
    return page.section(
        "pairs",
        title,
        tag("p", captions.pairs(found), class_="note"),
        *_cap_note(len(found.ranked), "features"),
        tag("div", *pictures, class_="pictures"),
    )


def _pair(found: Exploration, feature: Variable, name: str) -> Markup:
    target = found.target
    title = wording.capitalise(feature.title)
    label = f"{wording.capitalise(target.title)} against {feature.title}"
    if feature.is_numeric and target.is_numeric:
        drawn = plots.scatter(feature, found.outcomes[0], name, label)
    elif target.is_numeric:
        drawn = plots.boxes(feature, target, name, label)
    elif feature.is_numeric:
        drawn = plots.boxes(target, feature, name, label)
    else:
        drawn = plots.shares(feature, target, name, label)
    return page.picture(drawn, captions.pair(feature, target), title)


def _interactions(found: Exploration) -> Markup:
    pictures: list[Markup] = []
    for index, reversal in enumerate(found.reversals, start=1):
        pictures += _reversal(reversal, found, f"reversal-{index}")
    matter = [one for one in found.interactions if one.matters]
    for index, interaction in enumerate(matter[:MAX_INTERACTIONS], start=1):
        pictures.append(_interaction(interaction, found, f"interaction-{index}"))
    return page.section(
        "interactions",
        "Interactions that matter",
        tag("p", captions.interactions(found)),
        tag("div", *pictures, class_="pictures") if pictures else Markup(""),
        captions.interaction_table(found.interactions),
    )


def _reversal(reversal: Reversal, found: Exploration, name: str) -> Iterator[Markup]:
    feature, numbers = reversal.feature, reversal.numbers
    title = f"{wording.capitalise(feature.title)} in each number"
    yield page.picture(
        summaries.reversal(reversal, name, title),
        interactions.reversal_headline(reversal),
        title,
    )
    other = numbers[1]
    pair = np.isin(feature.codes, [reversal.high, reversal.low])
    two_groups = replace(feature, codes=np.where(pair, feature.codes, -1))
    title = f"{wording.capitalise(found.target.title)} against {other.title}"
    yield page.picture(
        summaries.lines_by_group(
            other, two_groups, found.outcomes[0], f"{name}-lines", title
        ),
        captions.reversal(reversal, found.outcomes[0]),
        f"{title}, by {feature.title}",
    )


def _interaction(one: Interaction, found: Exploration, name: str) -> Markup:
    outcome = found.outcomes[0]
    title = f"{wording.capitalise(one.feature.title)} × {one.moderator.title}"
    if one.feature.is_numeric:
        drawn = summaries.lines_by_group(
            one.feature, one.moderator, outcome, name, title
        )
    else:
        drawn = summaries.means_by_group(one, outcome, name, title)
    return page.picture(drawn, captions.interaction(one), title)


def _associations(found: Exploration) -> Markup:
    columns, matrix = found.matrix_columns, found.matrix
    if len(columns) < 2:
        nothing = tag("p", "There is no pair of columns to compare.")
        return page.section("associations", "Associations", nothing)
    n_left_out = len(found.ranked) + 1 - len(columns)
    return page.section(
        "associations",
        "How the columns go together",
        tag("p", captions.MEASURES),
        page.picture(
            summaries.heatmap(columns, matrix, "heatmap", "Associations of all pairs"),
            captions.heatmap(n_left_out),
            "Association of each pair, from 0 (none) to 1 (one says the other)",
            wide=True,
        ),
        tag(
            "details",
            tag("summary", "The same figures as a table"),
            captions.matrix_table(columns, matrix),
        ),
    )


def _method(found: Exploration) -> Markup:
    return page.section(
        "method",
        "How this was computed",
        tag("ul", *(tag("li", text) for text in captions.METHOD), class_="plain"),
    )
