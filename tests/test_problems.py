import msgspec

from server.problems import (
    PROBLEMS,
    Fault,
    InvalidBatch,
    MalformedBody,
    pointer,
)


def test_a_problem_is_an_rfc_9457_document() -> None:
    problem = InvalidBatch("1 of 7 values is invalid.", [Fault("#/lunch", "No.")])

    assert msgspec.json.decode(problem.body()) == {
        "type": "/problems/invalid-batch",
        "title": "Rows do not match the model's signature",
        "status": 422,
        "detail": "1 of 7 values is invalid.",
        "errors": [{"pointer": "#/lunch", "detail": "No."}],
    }


def test_a_problem_says_its_detail_in_a_log_too() -> None:
    assert str(InvalidBatch("2 values.", [Fault("#/a", "No.")])) == "2 values."


def test_a_problem_without_faults_lists_none() -> None:
    assert "errors" not in msgspec.json.decode(MalformedBody("No JSON.").body())


def test_only_the_first_hundred_faults_are_listed() -> None:
    faults = [Fault(f"#/{n}", "No.") for n in range(101)]

    document = msgspec.json.decode(InvalidBatch("Many.", faults).body())

    assert document["errors"] == [fault._asdict() for fault in faults[:-1]]


def test_a_pointer_escapes_what_a_pointer_and_a_uri_need() -> None:
    assert pointer("race/ethnicity") == "#/race~1ethnicity"
    assert pointer(3, "a~b c%") == "#/3/a~0b%20c%25"
    assert pointer() == "#"


def test_every_problem_has_its_own_slug_title_and_explanation() -> None:
    assert len(PROBLEMS) == 21
    assert all(slug and each.title and each.__doc__ for slug, each in PROBLEMS.items())
