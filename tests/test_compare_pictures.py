from convert.compare.pictures import pareto_front


def test_the_front_holds_what_nothing_beats() -> None:
    costs = [9, 12, 300, 20, 9]
    values = [0.86, 0.79, 0.85, 0.87, 0.85]

    assert pareto_front(costs, values) == [0, 3]


def test_one_alone_is_the_front() -> None:
    assert pareto_front([1], [0.5]) == [0]
