import gzip
import io
import pickle
import zipfile

import pytest

from server.model_file.stand_in import StandIn, find_stand_in
from tests.models import make_model

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
PAGES = (
    b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
    b"\xef\xbb\xbf\n <!doctype html>",
    b"<HTML lang='en'>",
)
TABLE = b"version,<html>\n1,PK\n"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("table.csv", TABLE)
    return file.getvalue()


@pytest.mark.parametrize("may_be_packed", [False, True])
def test_a_pointer_and_a_page_are_nowhere_the_file(may_be_packed: bool) -> None:
    pointer = StandIn("a Git LFS pointer, not the file itself", "run git lfs pull")
    page = StandIn("a web page", "download the raw file that the page shows")

    found = [
        find_stand_in(content, may_be_packed=may_be_packed)
        for content in (POINTER, *PAGES)
    ]

    assert found == [pointer, page, page, page]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(TABLE, mtime=0), "compressed with gzip"),
        (zipped(), "a ZIP archive"),
        *((pickle.dumps([1], protocol), "a pickle") for protocol in range(2, 6)),
        (pickle.dumps({"a": 1}), "a pickle"),
    ],
)
def test_what_is_packed_is_only_what_a_saved_pipeline_may_be(
    content: bytes, found: str
) -> None:
    told = find_stand_in(content)

    assert told is not None
    assert told.found == found
    assert find_stand_in(content, may_be_packed=True) is None


@pytest.mark.parametrize("content", [b"", TABLE, make_model(), b"# <html>"])
def test_a_file_that_may_be_the_right_one_stands_for_itself(content: bytes) -> None:
    assert find_stand_in(content) is None
