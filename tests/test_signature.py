import msgspec
import pytest
from msgspec.structs import replace

from server import signature as signatures
from server.model_file.contradictions import contradictions
from server.signature import (
    Discrepancy,
    Feature,
    GoldenRow,
    Interval,
    Provenance,
    Signature,
    Target,
    UnreadableSignature,
    Value,
)
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


FIRST = """{"protocol":1,"name":"n","version":"0123456789ab","features":[
{"name":"a b","input":"a b","kind":"number"}],"targets":[{"name":"y"}]}"""
"""As version 0.1 wrote it: what has its default is left out."""


def test_what_an_old_file_leaves_out_means_what_it_always_did() -> None:
    feature = Feature(
        name="a b",
        input="a b",
        kind="number",
        required=False,
        imputed=None,
        categories=(),
        unknown="reject",
        minimum=None,
        maximum=None,
        observed=None,
        typical=None,
        title="",
        unit="",
        description="",
    )
    target = Target(
        name="y",
        kind="regression",
        classes=(),
        baseline=None,
        interval=None,
        title="",
        unit="",
        description="",
    )
    provenance = Provenance(
        dataset="",
        dataset_sha256="",
        command="",
        n_rows=0,
        n_train_rows=0,
        n_test_rows=0,
        split="",
        scores={},
        libraries={},
        discrepancy=None,
    )

    assert signatures.read(FIRST) == Signature(
        protocol=1,
        name="n",
        version="0123456789ab",
        features=(feature,),
        targets=(target,),
        title="",
        description="",
        estimator="",
        created="",
        provenance=provenance,
        golden_rows=(),
        golden_tolerance=0.0,
    )


WHOLE = (
    '{"protocol":1,"name":"n","version":"0123456789ab","features":['
    '{"name":"c","input":"c_","kind":"category","required":true,"imputed":"x",'
    '"categories":["x",true,2,2.5],"unknown":"ignore","minimum":1.5,"maximum":2.5,'
    '"observed":[1.0,2.0],"typical":2,"title":"t","unit":"u","description":"d"}],'
    '"targets":[{"name":"y","kind":"classification","classes":["a",false,3,0.5],'
    '"baseline":6.5,"interval":{"half_width":7.5,"coverage":0.9,"n_rows":8},'
    '"title":"t","unit":"u","description":"d"}],"title":"t","description":"d",'
    '"estimator":"e","created":"2024-01-01","provenance":{"dataset":"f.csv",'
    '"dataset_sha256":"00","command":"m","n_rows":9,"n_train_rows":7,'
    '"n_test_rows":2,"split":"s","scores":{"r2_score":0.5},"libraries":{"l":"1"},'
    '"discrepancy":{"largest":1e-12,"tolerance":1e-9,"n_rows":4,"n_edge_rows":5,'
    '"n_ambiguous":6}},"golden_rows":[{"row":{"c":null},"predictions":["a"],'
    '"probabilities":[0.25,0.75]}],"golden_tolerance":1e-9}'
)


def test_an_old_file_that_says_everything_is_read_and_written_as_it_is() -> None:
    signature = signatures.read(WHOLE)

    assert signatures.write(signature) == WHOLE
    assert signature.features[0].categories == ("x", True, 2, 2.5)
    assert [type(value) for value in signature.targets[0].classes] == [
        *(str, bool, int, float),
    ]
    assert signature.targets[0].interval == Interval(
        half_width=7.5, coverage=0.9, n_rows=8
    )
    assert signature.provenance.discrepancy == Discrepancy(
        largest=1e-12, tolerance=1e-9, n_rows=4, n_edge_rows=5, n_ambiguous=6
    )
    assert signature.golden_rows == (
        GoldenRow(row={"c": None}, predictions=("a",), probabilities=(0.25, 0.75)),
    )


def test_an_old_discrepancy_excused_nothing() -> None:
    text = '{"largest":1e-12,"tolerance":1e-9,"n_rows":4,"n_edge_rows":5}'

    assert msgspec.json.decode(text, type=Discrepancy) == Discrepancy(
        largest=1e-12, tolerance=1e-9, n_rows=4, n_edge_rows=5, n_ambiguous=0
    )


@pytest.mark.parametrize(
    "struct",
    [Discrepancy, Feature, GoldenRow, Interval, Provenance, Signature, Target],
)
def test_what_a_file_says_is_named_and_stays(struct: type[msgspec.Struct]) -> None:
    assert struct.__struct_config__.frozen
    assert struct.__struct_config__.omit_defaults
    with pytest.raises(TypeError, match="positional"):
        struct(*[None] * len(struct.__struct_fields__))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (70.0, "70"),
        (-0.5, "-0.5"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (-(2.0**53), "-9007199254740992.0"),
        (3, "3"),
        (True, "true"),
        ("a", '"a"'),
    ],
)
def test_a_value_is_shown_as_json_writes_it(value: Value, shown: str) -> None:
    assert signatures.show(value) == shown
