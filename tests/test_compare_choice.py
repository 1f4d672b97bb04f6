from convert.compare.choice import STANDARD_ERROR, Choice, Contestant, choose

BEST = Contestant("forest", "random forest", 0.9, 0.02, 300_000, 4)
SMALL = Contestant("tree", "decision tree", 0.89, 0.01, 12_000, 2)
SMALLEST = Contestant("linear", "linear regression", 0.87, 0.01, 9_000, 0)


def test_the_smallest_within_one_standard_error_of_the_best_is_chosen() -> None:
    assert choose([SMALLEST, SMALL, BEST]) == Choice(
        name="tree",
        best="forest",
        threshold=0.88,
        within=("tree", "forest"),
        sentence="Decision tree is chosen: its R² of 0.8900 is within one standard error "
        "of the best (random forest, 0.9000 ± 0.0200), and of the 2 regressors that reach "
        "0.8800 it is the smallest (12,000 bytes as ONNX). One standard error is how far "
        "a mean over the folds moves by chance alone.",
    )


def test_the_threshold_itself_is_reached() -> None:
    contestants = [SMALLEST._replace(score=0.88), BEST]

    assert choose(contestants).within == ("linear", "forest")


def test_of_equally_small_models_the_one_with_less_to_tune_is_chosen() -> None:
    linear = SMALLEST._replace(score=0.8674)
    ridge = Contestant("ridge", "ridge", 0.8675, 0.0092, 8_979, 2)
    lasso = ridge._replace(name="lasso", title="lasso", score=0.8673, n_bytes=8_990)

    choice = choose([ridge, linear, lasso])

    assert choice.name == "linear"
    assert choice.sentence == (
        "Linear regression is chosen: its R² of 0.8674 is within one standard error of "
        "the best (ridge, 0.8675 ± 0.0092), and of the 3 regressors that reach 0.8583 "
        "none is smaller by more than 1% (9,000 bytes as ONNX) or simpler (nothing to "
        f"tune). {STANDARD_ERROR}"
    )


def test_of_equally_simple_ones_the_first_is_chosen() -> None:
    ridge = Contestant("ridge", "ridge", 0.9, 0.01, 9_000, 2)

    choice = choose([ridge, ridge._replace(name="lasso", title="lasso", score=0.91)])

    assert choice.name == "ridge"
    assert choice.sentence.startswith("Ridge is chosen: ")
    assert choice.sentence.endswith(
        f"or simpler (2 parameters to tune). {STANDARD_ERROR}"
    )


def test_the_best_alone_is_chosen() -> None:
    assert choose([SMALLEST, BEST._replace(score=0.95)]).sentence == (
        "Random forest is chosen: its R² of 0.9500 ± 0.0200 is the best, and no other "
        "regressor reaches 0.9300, one standard error less (300,000 bytes as ONNX). "
        + STANDARD_ERROR
    )


def test_the_best_may_be_the_smallest_too() -> None:
    choice = choose([SMALLEST._replace(score=0.95), BEST._replace(score=0.945)])

    assert choice.sentence == (
        "Linear regression is chosen: its R² of 0.9500 ± 0.0100 is the best, and of the "
        "2 regressors that reach 0.9400 it is the smallest (9,000 bytes as ONNX). "
        + STANDARD_ERROR
    )
