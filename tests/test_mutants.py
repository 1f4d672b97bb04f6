from pathlib import Path

from tests.equivalent_mutants import EQUIVALENT
from tests.mutants import MODULES, ROOT, files_of, find_mutants, sample_mutants

SOURCE = '''\
"""Not 1 of these words."""

Text = str | bytes


def f(a: int | None = 3, b: bool = True) -> float | None:
    """Return 2."""
    assert a < 7
    if a <= b and not a:
        raise ValueError(f"{a + 1} is wrong")
    b += 0.5
    a.b = print("naïve")
    a.append(b)
    return a in (b - a)
'''


def test_each_change_is_one_place_of_what_runs() -> None:
    changes = [(one.line, one.before, one.after) for one in find_mutants("m", SOURCE)]

    assert changes == [
        (6, "3", "4"),
        (6, "3", "(2)"),
        (6, "3", "30"),
        (6, "True", "False"),
        (9, "a <= b and not a", "(not (a <= b and (not a)))"),
        (9, "a <= b and not a", "(a <= b or not a)"),
        (9, "a <= b", "a < b"),
        (9, "a <= b", "a > b"),
        (9, "not a", "bool(a)"),
        (10, 'raise ValueError(f"{a + 1} is wrong")', "pass"),
        (11, "b += 0.5", "pass"),
        (11, "0.5", "1.5"),
        (11, "0.5", "(-0.5)"),
        (11, "0.5", "5.0"),
        (12, 'a.b = print("naïve")', "pass"),
        (13, "a.append(b)", "pass"),
        (14, "return a in (b - a)", "return None"),
        (14, "a in (b - a)", "a not in b - a"),
        (14, "b - a", "b + a"),
    ]


def test_a_change_is_made_where_it_was_found() -> None:
    whole = SOURCE.encode()
    for one in find_mutants("m", SOURCE):
        changed = whole[: one.start] + one.after.encode() + whole[one.end :]

        assert whole[one.start : one.end].decode() == one.before
        compile(changed, "m", "exec")


def test_a_seed_chooses_the_same_mutants_every_time_and_none_that_is_equivalent() -> (
    None
):
    module = "server/contracts/predict/rows.py"
    source = Path(ROOT, module).read_text("utf-8")
    everything = find_mutants(module, source)

    first = sample_mutants(module, source, 10, seed=1)

    assert first == sample_mutants(module, source, 10, seed=1)
    assert first != sample_mutants(module, source, 10, seed=2)
    assert (len(first), set(first) <= set(everything)) == (10, True)
    known = [one for one in everything if (module, one.text, one.changed) in EQUIVALENT]
    assert len(sample_mutants(module, source, 9999, seed=1)) == len(everything) - len(
        known
    )


def test_every_module_has_its_tests() -> None:
    for module in MODULES:
        assert all((ROOT / name).is_file() for name in files_of(module)), module


def test_every_equivalent_mutant_is_one() -> None:
    for module, text, changed in EQUIVALENT:
        found = find_mutants(module, Path(ROOT, module).read_text("utf-8"))

        assert (text, changed) in {(one.text, one.changed) for one in found}
