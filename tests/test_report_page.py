from convert.report import page
from convert.report.page import Markup, tag


def test_texts_and_attributes_are_escaped() -> None:
    written = tag("p", '<b> & "c"', title='"><script>')

    assert written == ('<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt; &amp; "c"</p>')


def test_markup_passes_as_it_is() -> None:
    assert tag("p", tag("b", "x"), Markup("<br>")) == "<p><b>x</b><br></p>"


def test_table_names_its_rows_and_columns() -> None:
    written = page.table("Scores", ["Who", "Points"], [["A & B", "3"]])

    assert written == (
        '<div class="scroll" tabindex="0" role="region" aria-label="Scores"><table>'
        "<caption><span>Scores</span></caption><thead><tr>"
        '<th scope="col">Who</th><th scope="col">Points</th></tr></thead><tbody><tr>'
        '<th scope="row">A &amp; B</th><td>3</td></tr></tbody></table></div>'
    )


def test_page_has_colours_for_light_dark_and_print() -> None:
    written = page.document("Title")

    assert written.count("--ink: #1b232c;") == 2
    assert "@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee;" in written
