"""Mutants that nobody could notice, so that they are not sampled."""

_ONE_VALUE = "there is one value, the first and the last"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "server/contracts/predict/answers.py",
        '{"prediction": values[0]} if one else {"predictions": values}',
        '{"prediction": values[(-1)]} if one else {"predictions": values}',
    ): _ONE_VALUE,
    (
        "server/model.py",
        "classes = targets[0].classes",
        "classes = targets[(-1)].classes",
    ): _ONE_VALUE,
    (
        "server/page/form.py",
        "baseline: float = 0.0",
        "baseline: float = (-1.0)",
    ): "it is shown beside contributions alone, which come with their own",
    (
        "convert/proof/discrepancy.py",
        "said = str(values[0] if len(values) == 1 else values)",
        "said = str(values[(-1)] if len(values) == 1 else values)",
    ): _ONE_VALUE,
    (
        "convert/lowering/preprocessing/iterative_imputer.py",
        "here[0, turn.feat_idx] = True",
        "here[(-1), turn.feat_idx] = True",
    ): _ONE_VALUE,
    (
        "server/page/form.py",
        "baseline: float = 0.0",
        "baseline: float = 1.0",
    ): "it is shown beside contributions alone, which come with their own",
    (
        "server/process.py",
        "return 0",
        "return (-1)",
    ): "a signal ends the process before, and its handler has the 0",
    (
        "server/process.py",
        "gc.freeze()  # what was made until now is there to stay",
        "pass  # what was made until now is there to stay",
    ): "it saves time, and changes no answer",
    (
        "server/model_file/seal.py",
        "return found[0]",
        "return found[(-1)]",
    ): _ONE_VALUE,
    (
        "server/runtime/library.py",
        "fatal = 4  # nothing below is logged: what fails is raised, in the same words",
        "fatal = 40  # nothing below is logged: what fails is raised, in the same words",
    ): "onnxruntime logs nothing from 4 on",
    (
        "convert/lowering/preprocessing/iterative_imputer.py",
        "intercept = float(np.ravel(estimator.intercept_)[0])",
        "intercept = float(np.ravel(estimator.intercept_)[(-1)])",
    ): _ONE_VALUE,
    (
        "convert/proof/discrepancy.py",
        "if NOISE_FACTOR * noise > absolute:",
        "if NOISE_FACTOR * noise >= absolute:",
    ): "a measured noise is never a power of ten to the last bit",
    (
        "convert/proof/discrepancy.py",
        "return float(largest[~np.isnan(largest)].max(initial=0.0))",
        "return float(largest[~np.isnan(largest)].max(initial=(-1.0)))",
    ): "whoever asks takes the larger of it and 0",
    (
        "server/contracts/predict/answers.py",
        "document |= {include: included[0]} if one else {plural: included}",
        "document |= {include: included[(-1)]} if one else {plural: included}",
    ): _ONE_VALUE,
    (
        "server/page/form.py",
        "baseline=prediction.baseline or 0.0,",
        "baseline=prediction.baseline or 1.0,",
    ): "it is shown beside contributions alone, which come with their own",
    (
        "server/model_file/stand_in.py",
        "N_BYTES = 64",
        "N_BYTES = 640",
    ): "what is looked for stands before that",
    (
        "convert/proof/discrepancy.py",
        "if shares is None or others is None:",
        "if (shares is None and others is None):",
    ): "a graph has probabilities where its pipeline has them",
    (
        "convert/fitted/features.py",
        "taken, refused = (low, low - reach) if side < 0 else (high, high + reach)",
        "taken, refused = (low, low - reach) if side <= 0 else (high, high + reach)",
    ): "a side is -1 or 1",
    (
        "convert/lowering/preprocessing/impute.py",
        "if indicator is None or len(indicator.features_) == 0:",
        "if indicator is None or len(indicator.features_) == (-1):",
    ): "an indicator of no column adds none",
    (
        "convert/lowering/preprocessing/iterative_imputer.py",
        'empty = np.asarray(getattr(imputer, "_is_empty_feature", [False]))',
        'empty = np.asarray(getattr(imputer, "_is_empty_feature", [True]))',
    ): "releases without it keep no empty columns",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "mean = imputer._calc_impute(distances, 2, values, np.zeros(2, bool))",
        "mean = imputer._calc_impute(distances, (1), values, np.zeros(2, bool))",
    ): "of the installed release both are 1; another is tested in its own environment",
}
"""Module, the line, and what becomes of it → why it makes no difference."""
