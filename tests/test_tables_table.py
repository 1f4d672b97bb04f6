import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convert.errors import Refusal
from convert.tables.table import numeric_target, read_table
from tests.students import make_students


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal_of(folder: Path, content: str | bytes, **options: object) -> str:
    path = write(folder, content)
    with pytest.raises(Refusal) as caught:
        numeric_target(read_table(path, **options), "y")  # type: ignore[arg-type]
    return str(caught.value).replace(str(path), "FILE")


def test_a_table_is_read_with_its_types(tmp_path: Path) -> None:
    students = make_students(50)

    table = read_table(write(tmp_path, students.to_csv(index=False)))

    pd.testing.assert_frame_equal(table.frame, students.astype({"lunch": "str"}))
    assert table.lines == tuple(range(2, 52))


def test_only_the_empty_cell_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\nNA,1\n,\nNone,3\n")

    table = read_table(path)

    assert table.frame["a"].tolist() == [
        "NA",
        pytest.approx(np.nan, nan_ok=True),
        "None",
    ]
    assert table.frame["b"].isna().tolist() == [False, True, False]


def test_a_declared_text_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "a\n1.5\nNA\n")

    table = read_table(path, missing=["NA"])

    assert table.frame["a"].tolist() == [1.5, pytest.approx(np.nan, nan_ok=True)]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffa,b\n1,x\n2,é\n".encode(),
        b"a,b\r\n1,x\r\n2,\xc3\xa9\r\n",
        "a,b\n\n1,x\n\n\n2,é\n".encode(),
        'a,"b"\n"1",x\n2,"é"'.encode(),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "quotes, no last newline"],
)
def test_spellings_of_one_table_are_read_alike(tmp_path: Path, content: bytes) -> None:
    table = read_table(write(tmp_path, content))

    expected = pd.DataFrame({"a": [1, 2], "b": ["x", "é"]}).astype({"b": "str"})
    pd.testing.assert_frame_equal(table.frame, expected)


def test_another_encoding_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a\né\n".encode("cp1252"))

    assert read_table(path, encoding="cp1252").frame["a"].tolist() == ["é"]


def test_column_names_keep_every_character(tmp_path: Path) -> None:
    names = ["race/ethnicity", ' "math" [score]', "a\nb", "été 😀", "a.1"]
    path = write(tmp_path, pd.DataFrame([[1] * 5], columns=names).to_csv(index=False))

    assert list(read_table(path).frame) == names


def test_a_row_after_a_quoted_newline_is_found_on_its_line(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, 'a,b\n"x\ny",1\n\nz,2\n'))

    assert [table.place(row) for row in range(2)] == [
        f"line 3 of {table.path}",
        f"line 5 of {table.path}",
    ]


def test_booleans_may_be_missing(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b\nTrue,False\nFalse,\n"))

    assert table.frame["a"].tolist() == [True, False]
    assert table.frame["b"].isna().tolist() == [False, True]
    assert table.frame.dtypes.tolist() == [object, object]


def test_a_column_can_be_left_out(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b,c\n1,2,3\n"), drop=["b"])

    assert (list(table.frame), table.dropped) == (["a", "c"], ("b",))


def test_codes_may_stand_among_numbers_in_a_category(tmp_path: Path) -> None:
    path = write(tmp_path, "code\n1\n2\n3\n4B\n")

    table = read_table(path, categories=["code"])

    assert table.frame["code"].tolist() == ["1", "2", "3", "4B"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "FILE is empty: it needs a header and rows"),
        ("\n\n", "FILE is empty: it needs a header and rows"),
        (
            gzip.compress(b"x,y", mtime=0),
            "FILE is compressed with gzip: unpack it",
        ),
        *(
            (
                f"x,y\n1,{cells}\n",
                f"'y' is {value!r} on line {line} of FILE, a number with a comma: write "
                "numbers with a decimal point and nothing between thousands, or give the "
                'column kind = "category" in the description',
            )
            for cells, value, line in (
                ('"-1,38"\n2,"3,5"', "-1,38", 2),
                ('8\n2,9\n3,"1.234,5"', "1.234,5", 4),
                ('"1,234.5"\n2,3', "1,234.5", 2),
            )
        ),
        ("x,y\n", "FILE has a header and no rows: add the rows to it"),
        (
            "x;y\n1;2\n",
            "the header of FILE is separated by semicolons: save the table with commas, and its numbers with decimal points",
        ),
        (
            "x\ty\n1\t2\n",
            "the header of FILE is separated by tabs: save the table with commas, and its numbers with decimal points",
        ),
        (
            "x,x,y\n1,2,3\n",
            "FILE has 2 columns called 'x': rename or remove all but one",
        ),
        (
            ",y\n0,1\n",
            "column 1 of FILE has no name: name or remove it "
            "(pandas writes one for the index unless to_csv has index=False)",
        ),
        (
            "x,y\n1,2\n3,4,5\n",
            "line 3 of FILE has 3 values and the header has 2: "
            'quote values that hold a comma (")',
        ),
        (
            "x,y\n1,2\n3\n",
            "line 3 of FILE has 1 values and the header has 2: "
            'quote values that hold a comma (")',
        ),
        (
            'x,y\n1,"2\n3,4\n',
            "line 3 of FILE is not CSV (unexpected end of data): correct the quotes",
        ),
        (
            b"x,y\n1,2\n\xe9,4\n",
            "byte 0xe9 on line 3 of FILE is not utf-8: save the file as UTF-8, or name "
            "its encoding, for instance --encoding cp1252",
        ),
        ("x,z\n1,2\n", "FILE has no column 'y': there is 'x', 'z'"),
        ("x,yy\n1,2\n", "FILE has no column 'y': did you mean 'yy'? There is also 'x'"),
        (
            "x,y\n1,2\n3,\n",
            "the target 'y' is missing on line 3 of FILE and in 1 of 2 rows: "
            "fill it in or remove the rows",
        ),
        (
            "x,y\n1,low\n3,high\n",
            "the target 'y' holds 'low' on line 2 of FILE; a regressor predicts "
            "numbers: choose a numeric column with --target",
        ),
        (
            "x,y\n1,1\n2,2\nNA,3\n",
            "'x' is 'NA' on line 4 of FILE and a number elsewhere: correct it, declare "
            "it missing with --missing 'NA', or give the column kind = \"category\" in "
            "the description",
        ),
        (
            "x,y\n01.02.2020,1\n03.04.20,2\n",
            "'x' is '01.02.2020' on line 2 of FILE, a date: leave the column out with "
            "--drop 'x', or make numbers of it, such as days",
        ),
        (
            "x,y\n1.234.567,1\n2.345.678,2\n",
            "'x' is '1.234.567' on line 2 of FILE and no number: correct it, declare it "
            "missing with --missing '1.234.567', or give the column kind = \"category\" "
            "in the description",
        ),
        (
            "x,y\n1,2\ninf,4\n",
            "'x' is inf on line 3 of FILE, and the square of a number beyond 1e+150 is "
            "infinite: correct it or leave the cell empty",
        ),
        ("x,y\n,2\n,4\n", "column 'x' of FILE is empty: leave it out with --drop 'x'"),
        (
            "x,y\n99999999999999999999,2\n",
            "'x' is 99999999999999999999 on line 2 of FILE, a number of more than 64 "
            "bits: leave the column out with --drop 'x'",
        ),
    ],
)
def test_a_mistake_in_the_table_is_one_sentence(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    assert refusal_of(tmp_path, content) == message


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    message = refusal_of(tmp_path, "y\n1\n", encoding="utf9")

    assert message == (
        "'utf9' is not an encoding that Python knows: try --encoding utf-8, cp1252 or utf-16"
    )


def test_leaving_out_an_unknown_column_is_refused(tmp_path: Path) -> None:
    message = refusal_of(tmp_path, "name,y\n1,2\n", drop=["nam"])

    assert message == (
        "FILE has no column 'nam': did you mean 'name'? There is also 'y'"
    )


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, "y\n1\n", "students.csv")

    with pytest.raises(Refusal) as caught:
        read_table(tmp_path / "student.csv")

    assert str(caught.value) == (
        f"there is no file {tmp_path}/student.csv: did you mean 'students.csv'?"
    )


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is a folder: name the file in it"):
        read_table(tmp_path)


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b"y\n1\n"))

    # printf 'y\n1\n' | sha256sum
    assert table.sha256 == (
        "b6ff7597e8694a31e17b2205359da788d370f3ab4565258279fd5a2a51e7666b"
    )


def test_a_declared_category_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("zip,y\n01,1\n1,2\n,3\n9007199254740993,4\n")

    table = read_table(path, categories=["zip"])

    assert table.frame["zip"].dropna().tolist() == ["01", "1", "9007199254740993"]


def test_a_nul_in_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a\0b,y\n1,2\n3,4\n")

    with pytest.raises(Refusal, match="holds a NUL character"):
        read_table(path)


def test_columns_are_renamed_all_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "math score,a=b,c\n1,2,03\n")

    table = read_table(
        path,
        rename=["math score=math_score", "a=b=c", "c=d e"],
        drop=["c"],
        categories=["d e"],
    )

    assert table.frame.to_dict("list") == {"math_score": [1], "d e": ["03"]}
    assert table.renamed == ("math score=math_score", "a=b=c", "c=d e")


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        (["x"], "--rename is 'x': give it as OLD=NEW"),
        (["x="], "--rename is 'x=': give it as OLD=NEW"),
        (["=z"], "--rename is '=z': give it as OLD=NEW"),
        (["w=z"], "FILE has no column 'w': there is 'x', 'y'"),
        (["x=y"], "--rename gives 'x' and 'y' of FILE the same name, 'y': "),
        (["x=z", "y=z"], "--rename gives 'x' and 'y' of FILE the same name, 'z': "),
        (["x=a", "x=b"], "--rename names 'x' twice: give each column one new name"),
    ],
)
def test_a_wrong_renaming_is_refused(
    tmp_path: Path, rename: list[str], message: str
) -> None:
    assert refusal_of(tmp_path, "x,y\n1,2\n", rename=rename).startswith(message)
