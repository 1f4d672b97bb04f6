"""Mutants that nobody could notice, so that they are not sampled."""

_ONE_TARGET = "where there is an interval, there is one target"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "server/answers.py",
        "and targets[0].interval is not None,",
        "and targets[(-1)].interval is not None,",
    ): _ONE_TARGET,
    (
        "convert/discrepancy.py",
        "return float(largest[~np.isnan(largest)].max(initial=0.0))",
        "return float(largest[~np.isnan(largest)].max(initial=(-1.0)))",
    ): "whoever asks takes the larger of it and 0",
}
"""Module, the line, and what becomes of it → why it makes no difference."""
