import msgspec
import pytest
from msgspec.structs import replace

from server import signature as signatures
from server.signature import Interval, Target, UnreadableSignature
from tests.models import make_signature


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
