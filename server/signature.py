"""What a model accepts, what it returns, and what it was measured to do.

The signature is JSON in the ONNX file's ``metadata_props["pinion.signature"]``.
Validation, forms, examples and documents are derived from it; no second list of
the features exists.

Raise ``PROTOCOL`` only when a reader of the old number would misread a new file:

1. a field with a default may be added without raising it, because old readers
   skip fields that they do not know;
2. a field that changes its meaning, becomes required or goes away raises it;
3. whoever raises it keeps the old structs in ``server/signature_v<N>.py`` with a
   function that returns today's ``Signature``, and `read` dispatches on the
   number, so that every file ever written stays readable.
"""

from typing import Literal

import msgspec

PROTOCOL = 1
METADATA_KEY = "pinion.signature"

INFINITE = msgspec.Raw(b"1" + b"0" * 309)
"""Stands for infinity in a body that is written here, so that it is refused.

It is too large for a number of 64 bits, as the server says; as JSON, which has no
infinity, it would be null, and so a missing value.
"""

MISSING_TEXT = "\ufdd0"
"""Stands for a missing value in a string input of the graph.

ONNX strings have no null. U+FDD0 is a noncharacter that Unicode reserves for
internal use (Unicode 17.0, section 23.7), so no text holds it by accident; the
converter refuses a category and the server a request that does.
"""

MAX_IGNORED_NAMES = 1000
MAX_IGNORED_BYTES = 32_768
"""Of the names of ignored columns, and of all of them together in UTF-8: a file and
its document stay small, and so does what is compared with each name of a row."""

LARGEST_SAID = 1e30
"""Of bounds: beyond it they are those of float32, which nobody needs to read."""

Value = str | bool | int | float
Kind = Literal["number", "integer", "boolean", "category", "text"]


class UnreadableSignature(ValueError):
    """The file has no signature, or one that this version cannot read."""


class UntrustedOrigin(UnreadableSignature):
    """The file is not signed by anybody who is trusted; the message says what to do."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the values of a column were spread: counts, and no rows.

    Parameters
    ----------
    n_rows
        How many there were; `Provenance.distributions` says which.
    n_missing
        Of these, without a value.
    edges
        Of numbers: where each bin but the last ends, inclusive. They are the deciles,
        rounded, as far as these differ.
    values
        The categories or classes that are counted; none where all of them are, in
        their order.
    counts
        Rows in each bin: one more than `edges`, one for each counted value, or one of
        all texts. Rows in none of them are missing, or hold another category.
    """

    n_rows: int
    n_missing: int = 0
    edges: tuple[float, ...] = ()
    values: tuple[Value, ...] = ()
    counts: tuple[int, ...] = ()


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column that the model reads.

    Parameters
    ----------
    name
        Exactly as in the training frame: any Unicode, spaces and slashes too.
    input
        Name of the graph's input, shape (n_rows, 1): strings for text and for
        string categories, float64 for everything else (booleans are 0 and 1).
    required
        Whether a missing value is refused. scikit-learn decided it: a feature
        is required if the fitted pipeline raises on a missing value.
    imputed
        What the pipeline puts in the place of a missing value, where that is
        one value; None where it is none or is not known.
    categories
        Every value that the fitted encoder knows, in its order; of an encoder that
        is not scikit-learn's, every value that it was asked for.
    unknown
        What another value does: `reject` it, or `ignore` it as the fitted
        encoder does (a row of zeros, the infrequent category, …).
    encoder
        Name of the class or function, not scikit-learn's, that the column goes
        through: what it makes of values beside `categories` is not known.
    minimum, maximum
        Hard bounds, inclusive, in `unit`; the author gave them, and a value
        outside is refused.
    observed
        Smallest and largest training value, in `unit`; outside of it the model
        extrapolates, which is allowed and worth a warning.
    typical
        Median of the training values, or the most frequent one.
    distribution
        Of the training values, so that the server can tell when others come; None in
        a file that was written before there was any.
    """

    name: str
    input: str
    kind: Kind
    required: bool = False
    imputed: Value | None = None
    categories: tuple[Value, ...] = ()
    unknown: Literal["reject", "ignore"] = "reject"
    encoder: str = ""
    minimum: float | None = None
    maximum: float | None = None
    observed: tuple[float, float] | None = None
    typical: Value | None = None
    distribution: Distribution | None = None
    title: str = ""
    unit: str = ""
    description: str = ""


def is_text(feature: Feature) -> bool:
    """Return whether the graph reads this feature as strings."""
    if feature.kind == "category":
        return all(isinstance(category, str) for category in feature.categories)
    return feature.kind == "text"


def is_boolean(feature: Feature) -> bool:
    """Return whether a row has true or false for this feature."""
    categories = feature.categories
    return feature.kind == "boolean" or (
        bool(categories) and all(isinstance(value, bool) for value in categories)
    )


def show(value: Value) -> str:
    """Return a value as JSON writes it; a whole number without its `.0`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return msgspec.json.encode(value).decode()


class Interval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """prediction ± half_width, so wide that `coverage` of new rows lie within it.

    Parameters
    ----------
    half_width
        The conformal quantile, in the target's unit, of absolute residuals of rows
        that no model which predicted them was fitted on: training rows, each
        predicted by a model fitted without its fold (`train`), or the labelled rows
        of a sample (`export`, which cannot know that the pipeline has not seen them).
    n_rows
        How many residuals these were.
    measured_coverage, n_measured_rows
        Share of other rows, held out from everything, that turned out to lie
        within, and how many rows these were; None and 0 where there were none.
    """

    half_width: float
    coverage: float
    n_rows: int
    measured_coverage: float | None = None
    n_measured_rows: int = 0


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One predicted quantity.

    Parameters
    ----------
    classes
        Labels in the order of the graph's `probabilities`; empty for regression.
    baseline
        The average prediction over the training rows, in `unit`: prediction
        minus `baseline` is the sum of the graph's `contributions`. None where
        the graph has no such output.
    minimum, maximum
        What the truth can be, inclusive, in `unit`; the author said so. A prediction
        beyond them is left as it is and carries a warning.
    observed
        Smallest and largest true value of the training rows, or of the sample's
        labelled rows, in `unit`; None for classification and where none is known.
    distribution
        Of the predictions for the rows that the features' distributions are of.
    """

    name: str
    kind: Literal["regression", "classification"] = "regression"
    classes: tuple[Value, ...] = ()
    baseline: float | None = None
    interval: Interval | None = None
    minimum: float | None = None
    maximum: float | None = None
    observed: tuple[float, float] | None = None
    distribution: Distribution | None = None
    title: str = ""
    unit: str = ""
    description: str = ""


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the graph is from scikit-learn, measured when it was exported.

    Parameters
    ----------
    largest
        max |ŷ_sklearn − ŷ_onnx| over all rows, in the target's unit
        (classification: of the probabilities). Where ŷ_sklearn is larger than
        for any row of the table, the difference is reduced in proportion.
    tolerance
        The export would have been refused above it; same unit.
    n_rows, n_edge_rows
        Rows of the table, and generated rows (missing, unknown, extreme), that
        were compared; each as part of a batch and alone.
    n_ambiguous
        How many of these are left out of `largest`, because scikit-learn has no
        one answer: two neighbours are equally near, two classes equally
        probable, it contradicts itself between one row and many, or the last
        digits of the row's numbers change it as much.
    """

    largest: float
    tolerance: float
    n_rows: int
    n_edge_rows: int
    n_ambiguous: int = 0


class Provenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the model comes from, as far as it is known.

    Parameters
    ----------
    dataset_sha256
        Of the file's bytes, 64 hexadecimal digits.
    command
        Makes the file again in the dataset's folder, on one line of a shell.
    split
        How the held-out rows were chosen, in words.
    distributions
        Which rows the distributions are of, in words.
    scores
        Of the held-out rows, by scikit-learn's names: r2_score (higher is
        better), mean_absolute_error, root_mean_squared_error (in the unit).
    libraries
        Version of each library that shaped the file, by distribution name.
    """

    dataset: str = ""
    dataset_sha256: str = ""
    command: str = ""
    n_rows: int = 0
    n_train_rows: int = 0
    n_test_rows: int = 0
    split: str = ""
    distributions: str = ""
    scores: dict[str, float] = {}
    libraries: dict[str, str] = {}
    discrepancy: Discrepancy | None = None


class GoldenRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A made-up row and what scikit-learn predicted for it, one value a target.

    `probabilities` has one value a class, for classification only.
    """

    row: dict[str, Value | None]
    predictions: tuple[Value, ...]
    probabilities: tuple[float, ...] = ()


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that the server, a form or a client needs to know of a model.

    Parameters
    ----------
    sha256
        Of the whole file, with zeros in the place of these 64 digits
        (`server.model_file.seal`); empty in a file that was written before there were any.
    name
        Of the model in URLs: letters, digits, `_`, `-` and `.`.
    version
        First 12 hexadecimal digits of the SHA-256 of the graph.
    created
        RFC 3339 date, from SOURCE_DATE_EPOCH; empty where that was not set,
        because the same command must give the same bytes.
    golden_rows
        Replayed by the server before it opens its port.
    golden_tolerance
        Largest accepted |ŷ_sklearn − ŷ_onnx| in that replay, target's unit.
    runtime
        The first onnxruntime that reads every file like this one.
    ignored
        Names of the other columns that the table had: the target, and what the pipeline
        does not read. A row may have them, with any value, and they are dropped.
    """

    protocol: int
    sha256: str = ""  # stands here, so that it is always found in the same place
    name: str
    version: str
    features: tuple[Feature, ...]
    targets: tuple[Target, ...]
    title: str = ""
    description: str = ""
    estimator: str = ""
    created: str = ""
    provenance: Provenance = Provenance()
    golden_rows: tuple[GoldenRow, ...] = ()
    golden_tolerance: float = 0.0
    runtime: str = "1.21"
    ignored: tuple[str, ...] = ()


class _Envelope(msgspec.Struct):
    protocol: int


def write(signature: Signature) -> str:
    """Return the JSON that goes into the model file."""
    return msgspec.json.encode(signature).decode()


def read(text: str | bytes) -> Signature:
    """Return the signature that `write` made.

    Raises
    ------
    UnreadableSignature
        `text` is not a signature, or its protocol is newer than this program.
    """
    try:
        protocol = msgspec.json.decode(text, type=_Envelope).protocol
        if protocol > PROTOCOL:
            raise UnreadableSignature(
                f"the model's signature has protocol {protocol}; this server reads "
                f"up to {PROTOCOL}: serve it with a newer Pinion"
            )
        return msgspec.json.decode(text, type=Signature)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableSignature(
            f"the model's signature is damaged: {error}"
        ) from error
