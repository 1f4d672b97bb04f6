import msgspec
import pytest
from msgspec.structs import replace

from server import signature as signatures
from server.contradictions import contradictions
from server.signature import Interval, Target, UnreadableSignature
from tests.models import TARGET, make_signature


def test_a_signature_reads_back_as_it_was_written() -> None:
    signature = make_signature()

    assert signatures.read(signatures.write(signature)) == signature


def test_a_field_of_a_later_version_is_skipped() -> None:
    document = msgspec.json.decode(signatures.write(make_signature()))
    document["colour"] = "blue"

    assert signatures.read(msgspec.json.encode(document).decode()) == make_signature()


OLD = (
    '{"protocol":1,"name":"m","version":"0","features":[{"name":"a","input":"a",'
    '"kind":"number"}],"targets":[{"name":"y","baseline":3.5,"interval":{"half_width":'
    '1.5,"coverage":0.9,"n_rows":60},"unit":"cm"}]}'
)
"""As it was written before targets had bounds and intervals a measured coverage."""


def test_a_signature_without_the_later_fields_is_read_and_written_unchanged() -> None:
    signature = signatures.read(OLD)

    interval = Interval(half_width=1.5, coverage=0.9, n_rows=60)
    target = Target(name="y", baseline=3.5, interval=interval, unit="cm")
    assert signature.targets == (target,)
    assert (target.minimum, target.maximum, target.observed) == (None, None, None)
    assert (interval.measured_coverage, interval.n_measured_rows) == (None, 0)
    assert signatures.write(signature) == OLD


def test_bounds_of_a_target_and_a_measured_coverage_read_back() -> None:
    interval = Interval(
        half_width=1.5,
        coverage=0.9,
        n_rows=60,
        measured_coverage=0.0,
        n_measured_rows=20,
    )
    target = Target(
        name="y", minimum=0.0, maximum=1e9, observed=(-0.5, 1.5), interval=interval
    )
    signature = replace(make_signature(), targets=(target,))

    assert signatures.read(signatures.write(signature)) == signature


MEASURED = Interval(
    half_width=1.0, coverage=0.9, n_rows=9, measured_coverage=0.5, n_measured_rows=2
)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(name="y", minimum=3.0, maximum=2.0), "its range goes from 3 down to 2"),
        (Target(name="y", minimum=float("nan")), "its range is not finite"),
        (
            Target(name="y", observed=(1.5, 1.0)),
            "its observed range goes from 1.5 down to 1",
        ),
        (
            Target(name="y", observed=(0.0, float("inf"))),
            "its observed range is not finite",
        ),
        (
            Target(name="y", interval=replace(MEASURED, measured_coverage=1.5)),
            "its measured coverage is 1.5",
        ),
        (
            Target(name="y", interval=replace(MEASURED, n_measured_rows=0)),
            "a measured coverage of 0.5 is of 0 rows",
        ),
        (
            Target(name="y", interval=replace(MEASURED, measured_coverage=None)),
            "a measured coverage of None is of 2 rows",
        ),
    ],
)
def test_what_cannot_be_true_of_a_target_is_said(target: Target, said: str) -> None:
    signature = make_signature(targets=(target,))

    assert list(contradictions(signature)) == [f"target 'y': {said}"]


@pytest.mark.parametrize(
    "changes", [{"minimum": 0.0}, {"observed": (0.0, 0.0)}, {"interval": MEASURED}]
)
def test_labels_have_no_range_and_no_interval(changes: dict[str, object]) -> None:
    target = Target(name="y", kind="classification", classes=("a", "b"))
    signature = make_signature(targets=(replace(target, **changes),))

    assert "target 'y': it has labels, and a range or an interval as numbers have" in (
        list(contradictions(signature))
    )


def test_all_that_a_target_can_say_may_be_true() -> None:
    target = replace(
        TARGET, minimum=0.0, maximum=0.0, observed=(5.0, 5.0), interval=MEASURED
    )

    assert list(contradictions(make_signature(targets=(target,)))) == []


def test_a_newer_protocol_is_refused_with_the_remedy() -> None:
    newer = signatures.write(make_signature(protocol=signatures.PROTOCOL + 1))

    with pytest.raises(UnreadableSignature, match="serve it with a newer Pinion"):
        signatures.read(newer)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"protocol": 1}', '{"protocol": "x"}', "3"]
)
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(UnreadableSignature, match="damaged"):
        signatures.read(text)


def test_the_protocol_is_always_written() -> None:
    assert msgspec.json.decode(signatures.write(make_signature()))["protocol"] == 1
