"""Mutants that nobody could notice, so that they are not sampled."""

_ONE_TARGET = "where there is an interval, there is one target"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "server/answers.py",
        "and targets[0].interval is not None,",
        "and targets[(-1)].interval is not None,",
    ): _ONE_TARGET,
}
"""Module, the line, and what becomes of it → why it makes no difference."""
