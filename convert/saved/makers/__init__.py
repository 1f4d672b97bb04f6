"""What a file may say that is made by a call, and our own function that makes it.

Each takes the call as it is written, with everything in it built already, and returns
the same as the call would have. The modules are loaded as they are needed: a model of
numbers needs no pandas, and whoever only asks what is listed needs none of them.
"""

import importlib
from collections.abc import Callable
from typing import Any

from convert.saved.written import Made

Maker = Callable[[Made], Any]

_LOSSES = (
    *("AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss"),
    *("HalfMultinomialLoss", "HalfPoissonLoss", "HalfSquaredError", "HalfTweedieLoss"),
    *("HalfTweedieLossIdentity", "HuberLoss", "PinballLoss"),
)
_SGD_LOSSES = (
    *("EpsilonInsensitive", "Hinge", "Huber", "Log", "ModifiedHuber"),
    *("SquaredEpsilonInsensitive", "SquaredHinge", "SquaredLoss"),
)
DISTANCES = (
    *("BrayCurtis", "Canberra", "Chebyshev", "Euclidean", "Hamming", "Haversine"),
    *("Jaccard", "Mahalanobis", "Manhattan", "Minkowski", "SEuclidean"),
    *("Dice", "Kulsinski", "Matching", "RogersTanimoto", "RussellRao"),
    *("SokalMichener", "SokalSneath"),
)

MAKERS = {
    "builtins.range": "plain.range_of",
    "builtins.slice": "plain.slice_of",
    "collections.OrderedDict": "plain.ordered_dict",
    "collections.defaultdict": "plain.default_dict",
    "functools.partial": "scientific.check_array",
    "lightgbm.basic.Booster": "boosters.lightgbm_booster",
    "numpy._core.multiarray._reconstruct": "arrays.reconstructed",
    "numpy._core.multiarray.scalar": "arrays.scalar",
    "numpy._core.numeric._frombuffer": "arrays.from_buffer",
    "numpy.dtype": "arrays.dtype",
    "numpy.ma.core._mareconstruct": "arrays.masked",
    "numpy.random._pickle.__bit_generator_ctor": "arrays.bit_generator",
    "numpy.random._pickle.__generator_ctor": "arrays.generator",
    "numpy.random._pickle.__randomstate_ctor": "arrays.random_state",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": "arrays.seed_sequence",
    "pandas.CategoricalDtype": "frames.categories",
    "pandas.DataFrame": "frames.frame",
    "pandas.Series": "frames.series",
    "pandas.StringDtype": "frames.string_dtype",
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": "frames.categorical",
    "pandas._libs.internals._unpickle_block": "frames.block",
    "pandas.arrays.ArrowStringArray": "frames.string_array",
    "pandas.core.arrays.string_.StringDtype": "frames.string_dtype",
    "pandas.core.arrays.string_arrow.ArrowStringArray": "frames.string_array",
    "pandas.core.dtypes.dtypes.CategoricalDtype": "frames.categories",
    "pandas.core.frame.DataFrame": "frames.frame",
    "pandas.core.indexes.base._new_Index": "frames.index",
    "pandas.core.internals.managers.BlockManager": "frames.blocks",
    "pandas.core.internals.managers.SingleBlockManager": "frames.single_block",
    "pandas.core.series.Series": "frames.series",
    "pyarrow.lib._restore_array": "frames.texts",
    "pyarrow.lib.py_buffer": "frames.buffer",
    "pyarrow.lib.type_for_alias": "frames.alias",
    "scipy.interpolate._bsplines.BSpline": "scientific.spline",
    "scipy.sparse._csr.csr_matrix": "scientific.compressed",
    "sklearn.impute._iterative._ImputerTriplet": "scientific.triplet",
    "sklearn.metrics._dist_metrics.newObj": "trees.metric",
    "sklearn.neighbors._ball_tree.newObj": "trees.neighbours",
    "sklearn.neighbors._kd_tree.newObj": "trees.neighbours",
    "sklearn.tree._tree.Tree": "trees.decision_tree",
    "sklearn.utils._bunch.Bunch": "scientific.bunch",
    "sklearn.utils.Bunch": "scientific.bunch",
    "xgboost.core.Booster": "boosters.xgboost_booster",
    **{
        f"{module}.Cy{name}": "scientific.loss"
        for module in ("_loss", "sklearn._loss._loss")
        for name in _LOSSES
    },
    **{
        f"{module}.__pyx_unpickle_Cy{name}": "scientific.loss_of_many"
        for module in ("_loss", "sklearn._loss._loss")
        for name in _LOSSES
    },
    **{
        f"sklearn.linear_model._sgd_fast.{name}": "scientific.loss"
        for name in _SGD_LOSSES
    },
}
"""What is called → the function here that makes the same."""

WITH_STATE = frozenset(
    {
        *("arrays.bit_generator", "arrays.dtype", "arrays.generator", "arrays.masked"),
        *("arrays.random_state", "arrays.reconstructed", "arrays.seed_sequence"),
        *("boosters.lightgbm_booster", "boosters.xgboost_booster"),
        *("frames.categorical", "frames.categories", "frames.frame", "frames.series"),
        *("frames.single_block", "frames.string_array"),
        *("scientific.bunch", "scientific.check_array", "scientific.compressed"),
        *("scientific.spline", "trees.decision_tree", "trees.metric"),
        "trees.neighbours",
    }
)
"""The functions here that look at a state; what the others would not see is refused."""

WITH_PAIRS = frozenset({"plain.default_dict", "plain.ordered_dict", "scientific.bunch"})
"""The functions here that look at keys and values that are set."""

ARGUMENTS = frozenset(
    {
        *("numpy.ndarray", "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"),
        *("numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64"),
        "numpy.random.bit_generator.SeedSequence",
        *("pandas.Index", "pandas.core.indexes.base.Index"),
        *("pandas.RangeIndex", "pandas.core.indexes.range.RangeIndex"),
        *("pandas.Categorical", "pandas.core.arrays.categorical.Categorical"),
        *("sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.KDTree"),
        "sklearn.utils.validation.check_array",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        *(
            f"sklearn.metrics._dist_metrics.{name}Distance{bits}"
            for name in DISTANCES
            for bits in ("", "64")
        ),
    }
)
"""What is given to some of these by name, and nothing else may be done with."""


def find_maker(name: str) -> Maker | None:
    """Return the function for what is called, or nothing where there is none."""
    where = MAKERS.get(name)
    if where is None:
        return None
    module, _, function = where.partition(".")
    found: Maker = getattr(
        importlib.import_module(f"convert.saved.makers.{module}"), function
    )
    return found
