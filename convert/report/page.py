"""Writes one self-contained HTML page: no script, nothing from the network.

`tag` escapes every text it is given; only `Markup` passes as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from convert.report.figure import DARK, LIGHT

VOID = {"br", "link", "meta"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str) -> Markup:
    """Return an element; ``class_`` and ``aria_label`` become HTML's spelling."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    inside = "".join(
        child if isinstance(child, Markup) else escape(child, quote=False)
        for child in children
    )
    return Markup(f"<{name}{written}>{inside}</{name}>")


def section(identifier: str, title: str, *children: str) -> Markup:
    heading = tag("h2", title, id=f"{identifier}-title")
    return tag(
        "section",
        heading,
        *children,
        id=identifier,
        aria_labelledby=f"{identifier}-title",
    )


def picture(svg: str, caption: str, title: str = "", wide: bool = False) -> Markup:
    """Return a figure; a wide one scrolls sideways on a narrow screen."""
    heading = [tag("h3", title)] if title else []
    drawing = Markup(svg)
    if wide:
        drawing = tag(
            "div",
            drawing,
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label=title,
        )
    return tag(
        "figure",
        *heading,
        drawing,
        tag("figcaption", caption),
        class_="wide" if wide else "narrow",
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table whose first column names the rows."""
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    body = [
        tag(
            "tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])
        )
        for row in rows
    ]
    whole = tag(
        "table",
        tag("caption", tag("span", caption)),
        tag("thead", head),
        tag("tbody", *body),
    )
    return tag(
        "div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption
    )


def document(title: str, *children: str) -> str:
    """Return the whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(_style())),
    )
    whole = tag("html", head, tag("body", tag("main", *children)), lang="en")
    return f"<!doctype html>\n{whole}\n"


def _style() -> str:
    dark = f"@media (prefers-color-scheme: dark) {{ {_variables(DARK)} }}"
    light = f"@media print {{ {_variables(LIGHT)} }}"
    return f"{_variables(LIGHT)}\n{dark}\n{STYLE}\n{light}"


def _variables(colours: Mapping[str, str]) -> str:
    return f":root {{ {' '.join(f'--{k}: {v};' for k, v in colours.items())} }}"


STYLE = """
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif;
}
main { max-width: 66rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1, h2 {
  font-family: "Iowan Old Style", Charter, Georgia, "Times New Roman", serif;
  font-weight: 600; line-height: 1.15; text-wrap: balance; overflow-wrap: anywhere;
}
h1 { font-size: clamp(1.9rem, 5vw, 2.9rem); margin: 0 0 .6rem; }
h2 { font-size: 1.6rem; margin: 0 0 .8rem; }
h3 { font-size: 1rem; line-height: 1.35; margin: 0 0 .4rem; overflow-wrap: anywhere; }
p { max-width: 42rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: var(--series-0); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
section { border-top: 1px solid var(--line); margin-top: 3.2rem; padding-top: 1.8rem; }
.lede { font-size: 1.1rem; color: var(--muted); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem;
  margin: 1.4rem 0 0; padding: 0; font-size: .94rem; }
nav a { display: inline-block; padding: .2rem 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
  gap: 1rem; margin: 0 0 1.8rem; }
.facts div { border-left: 3px solid var(--line); padding-left: .8rem; }
.facts dt { color: var(--muted); font-size: .88rem; }
.facts dd { margin: 0; font-size: 1.45rem; font-variant-numeric: tabular-nums; }
ol.findings { list-style: none; margin: 0 0 1.5rem; padding: 0; counter-reset: finding; }
ol.findings > li { counter-increment: finding; position: relative;
  padding: 0 0 0 2.6rem; margin: 0 0 1.3rem; max-width: 46rem; break-inside: avoid; }
ol.findings > li::before { content: counter(finding); position: absolute; left: 0; top: .1rem;
  width: 1.7rem; height: 1.7rem; border-radius: 50%; border: 1px solid var(--line);
  color: var(--muted); font-size: .85rem; line-height: 1.6rem; text-align: center; }
ol.findings strong { display: block; font-weight: 600; font-size: 1.05rem;
  overflow-wrap: anywhere; }
ol.findings p { margin: .1rem 0 .15rem; }
ol.findings small, .note { color: var(--muted); font-size: .88rem; line-height: 1.45;
  display: block; overflow-wrap: anywhere; }
ul.plain { padding-left: 1.2rem; max-width: 46rem; overflow-wrap: anywhere; }
ul.plain li { margin-bottom: .35rem; }
.pictures { margin-bottom: 2.4rem; display: grid; gap: 2.4rem 2.6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; min-width: 0; break-inside: avoid; }
section > figure { margin-bottom: 2rem; }
figure svg { display: block; width: 100%; height: auto; overflow: visible;
  stroke-linejoin: round; stroke-linecap: butt; }
figure.narrow svg { max-width: 30rem; }
figure.wide svg { max-width: calc(var(--units) * 1.3px);
  min-width: calc(var(--units) * 1px); }
figure svg text { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue",
  sans-serif !important; }
figcaption { color: var(--muted); font-size: .92rem; margin-top: .5rem; max-width: 42rem;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin-bottom: 1.5rem; }
figure .scroll { margin-bottom: 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums;
  width: max-content; min-width: 100%; max-width: 64rem; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding-bottom: .5rem; }
caption span { display: inline-block; position: sticky; left: 0;
  max-width: min(42rem, calc(100vw - 2.5rem)); }
th, td { text-align: left; padding: .42rem .9rem .42rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); max-width: 24rem; overflow-wrap: break-word; }
tbody th { font-weight: 500; min-width: 8rem; max-width: 18rem; }
thead th { color: var(--muted); font-weight: 500; white-space: nowrap; }
summary { cursor: pointer; margin-bottom: 1rem; color: var(--series-0); }
@media (max-width: 40rem) { tbody th { max-width: 9rem; } }
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  section { margin-top: 1.4rem; padding-top: 1rem; }
  h2, h3, caption { break-after: avoid; }
  tr { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { width: 100%; max-width: none; font-size: 9pt; }
  thead th { white-space: normal; }
  .pictures { grid-template-columns: 1fr 1fr; }
}
"""
