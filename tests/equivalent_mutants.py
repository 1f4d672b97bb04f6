"""Mutants that nobody could notice, so that they are not sampled."""

_ONE_VALUE = "there is one value, the first and the last"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "server/contracts/headers.py",
        "content = unpacker.decompress(body, max_body_bytes + 1)",
        "content = unpacker.decompress(body, max_body_bytes + 10)",
    ): "one byte more is as much too many as ten",
    (
        "server/includes.py",
        "for n_digits in range(4, 17):",
        "for n_digits in range(4, 170):",
    ): "seventeen digits tell any two numbers apart",
    (
        "server/http/listener.py",
        "BACKLOG = 256",
        "BACKLOG = 2560",
    ): "no test lets so many wait",
    (
        "convert/proof/discrepancy.py",
        "if NOISE_FACTOR * noise > MAX_TOLERANCE_SHARE * size:",
        "if NOISE_FACTOR * noise >= MAX_TOLERANCE_SHARE * size:",
    ): "a measured noise is never a share to the last bit",
    (
        "convert/fitted/features.py",
        "N_FAR_BISECTIONS = 24",
        "N_FAR_BISECTIONS = 240",
    ): "more steps end at the same number",
    (
        "convert/lowering/tabulate.py",
        "for some_picks in (picks[:1], *_chunks(picks)):",
        "for some_picks in (picks[:2], *_chunks(picks)):",
    ): "all of them are asked for behind it",
    (
        "server/process.py",
        'if spec is not None and "uvicorn" not in sys.modules:',
        "if (spec is not None or 'uvicorn' not in sys.modules):",
    ): "uvicorn is installed, and not loaded when a server starts",
    (
        "server/runtime/library.py",
        "prototype = CFUNCTYPE if name in _LONG else PYFUNCTYPE",
        "prototype = CFUNCTYPE if name not in _LONG else PYFUNCTYPE",
    ): "both call the same function; others run meanwhile or wait",
    (
        "server/runtime/library.py",
        "self.check(self.CreateCpuMemoryInfo(0, 0, byref(self.memory_info)))",
        "self.check(self.CreateCpuMemoryInfo(0, (-1), byref(self.memory_info)))",
    ): "the kind of memory is asked of devices, and the processor has one",
    (
        "server/runtime/library.py",
        '"DisableMemPattern": (17, _P, _P),',
        '"DisableMemPattern": (18, _P, _P),',
    ): "another setting of memory, which changes no answer",
    (
        "server/runtime/session.py",
        'library.check(library.AddSessionConfigEntry(options, key, b"0"))',
        "pass",
    ): "a pool of one thread has nobody who spins",
    (
        "convert/proof/discrepancy.py",
        "sizes = np.abs(np.nan_to_num(expected)) / (self.size or 1.0)",
        "sizes = np.abs(np.nan_to_num(expected)) / (self.size or 10.0)",
    ): "where the size is 0, so is every number",
    (
        "server/contracts/predict/faults.py",
        "close = [] if is_long else get_close_matches(name, known, n=1)",
        "close = [] if is_long else get_close_matches(name, known, n=10)",
    ): "the first of them is told",
    (
        "server/contracts/predict/rows.py",
        "n_rows = max((len(column) for column in columns if column is not None), default=0)",
        "n_rows = max((len(column) for column in columns if column is not None), default=(-1))",
    ): "a list is as empty -1 times as 0 times",
    (
        "server/model_file/seal.py",
        "found.append(texts.get(_VALUE, (0, 0)))",
        "found.append(texts.get(_VALUE, (0, 1)))",
    ): "one byte is no signature",
    (
        "server/process.py",
        "return 0",
        "return None",
    ): "both are the exit code 0",
    (
        "server/protocol.py",
        "if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):",
        "if (-1) < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):",
    ): "the ordinary way has the same answer",
    (
        "server/protocol.py",
        "if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):",
        "if 1 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):",
    ): "the ordinary way has the same answer",
    (
        "server/runtime/session.py",
        "library.check(library.DisableMemPattern(options))",
        "pass",
    ): "it saves memory, and changes no answer",
    (
        "convert/proof/discrepancy.py",
        "for factor in (1 - size, 1 + size):",
        "for factor in (1 - size, 1 - size):",
    ): "the other factor finds the same",
    (
        "convert/fitted/oracle.py",
        "return Answers(found.astype(float).reshape(len(frame), -1))",
        "return Answers(found.astype(float).reshape(len(frame), -2))",
    ): "numpy takes every length below zero for the one that is open",
    (
        "convert/lowering/tabulate.py",
        "if first is None or any(o is None or not _same(first, o).all() for o in others):",
        "if first is None or any((o is None and (not _same(first, o).all())) for o in others):",
    ): "the number that is hidden finds it too",
    (
        "convert/lowering/tabulate.py",
        "if len(tables) == 1 or is_columnwise(step.transformer):",
        "if len(tables) == 10 or is_columnwise(step.transformer):",
    ): "of one table the mixtures are its combinations",
    (
        "server/model_file/seal.py",
        "if content[slice(*texts.get(_KEY, (0, 0)))] == key.encode():",
        "if content[slice(*texts.get(_KEY, (1, 0)))] == key.encode():",
    ): "both are the place of no byte",
    (
        "server/model_file/seal.py",
        "if content[slice(*texts.get(_KEY, (0, 0)))] == key.encode():",
        "if content[slice(*texts.get(_KEY, ((-1), 0)))] == key.encode():",
    ): "both are the place of no byte",
    (
        "server/model_file/seal.py",
        "if content[slice(*texts.get(_KEY, (0, 0)))] == key.encode():",
        "if content[slice(*texts.get(_KEY, (0, 1)))] == key.encode():",
    ): "one byte is not the key",
    (
        "server/model_file/seal.py",
        "found.append(texts.get(_VALUE, (0, 0)))",
        "found.append(texts.get(_VALUE, (1, 0)))",
    ): "both are the place of no byte",
    (
        "server/protocol.py",
        "if self._waiting is None or self.transport.is_closing():",
        "if (self._waiting is None and self.transport.is_closing()):",
    ): "a transport that closes drops what is written to it",
    (
        "server/runtime/session.py",
        "shape = tuple(None if length < 0 else length for length in lengths)",
        "shape = tuple(None if length <= 0 else length for length in lengths)",
    ): "no output of ours is empty",
    (
        "convert/lowering/tabulate.py",
        "if not _is_open(beside)",
        "if bool(_is_open(beside))",
    ): "the number that is hidden finds it too",
    (
        "convert/proof/discrepancy.py",
        "largest, n_ambiguous = 0.0, 0",
        "largest, n_ambiguous = (-1.0), 0",
    ): "a difference is 0 or more",
    (
        "convert/proof/discrepancy.py",
        "return np.where(large >= 100 * small, large / 1024, 0.0)",
        "return np.where(large >= (99) * small, large / 1024, 0.0)",
    ): "the quotient is 1024 or near 1",
    (
        "convert/proof/discrepancy.py",
        "return np.where(large >= 100 * small, large / 1024, 0.0)",
        "return np.where(large >= 101 * small, large / 1024, 0.0)",
    ): "the quotient is 1024 or near 1",
    (
        "server/model.py",
        "self.run_ms = 0.0",
        "self.run_ms = (-1.0)",
    ): "it is measured before anybody asks",
    (
        "server/model_file/seal.py",
        "if content[slice(*texts.get(_KEY, (0, 0)))] == key.encode():",
        "if content[slice(*texts.get(_KEY, (0, (-1))))] == key.encode():",
    ): "a file is not its own key",
    (
        "server/model_file/seal.py",
        "found.append(texts.get(_VALUE, (0, 0)))",
        "found.append(texts.get(_VALUE, ((-1), 0)))",
    ): "both are the place of no byte",
    (
        "server/http/server.py",
        "proxy_headers=False,",
        "proxy_headers=True,",
    ): "nothing asks who the client is",
    (
        "server/runtime/session.py",
        "library.check(library.SetInterOpNumThreads(options, 1))",
        "pass",
    ): "a graph that runs in sequence has no such threads; it is said all the same",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "N_TIED_ROWS = 200",
        "N_TIED_ROWS = 2000",
    ): "more rows to look for ties in, where there are more",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "mean = imputer._calc_impute(distances, 2, values, np.zeros(2, bool))",
        "mean = imputer._calc_impute(distances, 2, values, np.zeros(3, bool))",
    ): "of a mask that is longer the rest is not looked at",
    (
        "server/page/form.py",
        "baseline: float = 0.0",
        "baseline: float = (-1.0)",
    ): "it is shown beside contributions alone, which come with their own",
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
        "server/runtime/library.py",
        "fatal = 4  # nothing below is logged: what fails is raised, in the same words",
        "fatal = 40  # nothing below is logged: what fails is raised, in the same words",
    ): "onnxruntime logs nothing from 4 on",
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
        "server/batching.py",
        "if not self._waiting and not self._running:",
        "if (not self._waiting or not self._running):",
    ): "one flush more finds nothing that waits, or that a run goes on",
    (
        "server/http/asgi.py",
        'return chunks[0] if len(chunks) == 1 else b"".join(chunks)',
        'return chunks[0] if len(chunks) == (0) else b"".join(chunks)',
    ): "one part joined is that part",
    (
        "server/protocol.py",
        "if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):",
        "if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES + len(data):",
    ): "uvicorn has it once it is long, and answers the same",
    (
        "server/runtime/library.py",
        "self.check(self.CreateCpuMemoryInfo(0, 0, byref(self.memory_info)))",
        "self.check(self.CreateCpuMemoryInfo((-1), 0, byref(self.memory_info)))",
    ): "onnxruntime asks of memory that is ours for no kind of allocator",
    (
        "server/runtime/session.py",
        "port.name: tuple(length for length in port.shape[1:] if length is not None)",
        "port.name: tuple(length for length in port.shape[(0):] if length is not None)",
    ): "the first length is that of the rows, which is None",
    (
        "server/settings.py",
        "return argparse.HelpFormatter(prog, width=80)",
        "return argparse.HelpFormatter(prog, width=81)",
    ): "no word of it ends there",
    (
        "convert/proof/discrepancy.py",
        "return np.where(large >= 100 * small, large / 1024, 0.0)",
        "return np.where(large >= 100 * small, large / 1024, (-1.0))",
    ): "whoever asks takes the larger of it and a spread, which is 0 or more",
    (
        "convert/lowering/tabulate.py",
        "if found is not None and n_cells <= MAX_CELLS:",
        "if found is not None and n_cells < MAX_CELLS:",
    ): "one more of many",
    (
        "convert/lowering/tabulate.py",
        "for value in beside.values[: MAX_VARIED // len(numbers) + 1]",
        "for value in beside.values[: MAX_VARIED // len(numbers) + (0)]",
    ): "one more of many",
    (
        "convert/lowering/tabulate.py",
        "return left.shape == right.shape and bool(_same(left, right).all())",
        "return (left.shape == right.shape or bool(_same(left, right).all()))",
    ): "what looks at a number that is hidden raises too",
    (
        "server/includes.py",
        "shown = _rounded(value, low if value < low else high)",
        "shown = _rounded(value, low if value <= low else high)",
    ): "a value at a bound is not beyond it",
    (
        "server/includes.py",
        "if (rounded < bound) == (value < bound) and rounded != bound:",
        "if (rounded < bound) == (value <= bound) and rounded != bound:",
    ): "a value at a bound is not beyond it",
    (
        "server/model.py",
        "self.run_ms = 0.0",
        "self.run_ms = 1.0",
    ): "it is measured before anybody asks",
    (
        "server/process.py",
        "return 0",
        "return 1",
    ): "a signal ends the process before, and its handler has the 0",
    (
        "convert/proof/edges.py",
        "rng = np.random.default_rng(0)",
        "rng = np.random.default_rng(1)",
    ): "another thousand of the mixtures is as good",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "if len(donors) < len(imputer._fit_X):",
        "if len(donors) <= len(imputer._fit_X):",
    ): "all columns, chosen, are all columns",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "one, zero = graph.constant(1.0), graph.constant(0.0)",
        "one, zero = graph.constant(2.0), graph.constant(0.0)",
    ): "weights that are all as large have the same mean",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "one, zero = graph.constant(1.0), graph.constant(0.0)",
        "one, zero = graph.constant(10.0), graph.constant(0.0)",
    ): "weights that are all as large have the same mean",
    (
        "server/runtime/library.py",
        "fatal = 4  # nothing below is logged: what fails is raised, in the same words",
        "fatal = 5  # nothing below is logged: what fails is raised, in the same words",
    ): "onnxruntime logs nothing from 4 on",
    (
        "convert/proof/discrepancy.py",
        "return np.where(large >= 100 * small, large / 1024, 0.0)",
        "return np.where(large > 100 * small, large / 1024, 0.0)",
    ): "the quotient is 1024 or near 1, or both are 0",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "distances, values = np.array([[np.nan, 1.0]]), np.array([0.0, 1.0])",
        "distances, values = np.array([[np.nan, (0.0)]]), np.array([0.0, 1.0])",
    ): "without weights a distance counts as any other",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "distances, values = np.array([[np.nan, 1.0]]), np.array([0.0, 1.0])",
        "distances, values = np.array([[np.nan, 10.0]]), np.array([0.0, 1.0])",
    ): "without weights a distance counts as any other",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "distances, values = np.array([[np.nan, 1.0]]), np.array([0.0, 1.0])",
        "distances, values = np.array([[np.nan, 1.0]]), np.array([(-1.0), 1.0])",
    ): "a mean with -1 is less than 1 as well",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        'nearest, index = graph.add_many("TopK", distances, count, n_outputs=2, largest=0)',
        'nearest, index = graph.add_many("TopK", distances, count, n_outputs=2, largest=(-1))',
    ): "onnxruntime looks for 1 alone",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "mean = imputer._calc_impute(distances, 2, values, np.zeros(2, bool))",
        "mean = imputer._calc_impute(distances, 2, values, np.zeros(20, bool))",
    ): "of a mask that is longer the rest is not looked at",
    (
        "convert/lowering/tabulate.py",
        "if len(outputs) == 0:",
        "if len(outputs) == (-1):",
    ): "what leads to no output is no part of the graph",
    (
        "server/contracts/headers.py",
        "content = unpacker.decompress(body, max_body_bytes + 1)",
        "content = unpacker.decompress(body, max_body_bytes + 2)",
    ): "one byte more is as much too many as two",
    (
        "server/contracts/predict/faults.py",
        "close = [] if is_long else get_close_matches(name, known, n=1)",
        "close = [] if is_long else get_close_matches(name, known, n=2)",
    ): "the first of them is told",
    (
        "server/process.py",
        "print(visible(line), file=sys.stderr, flush=True)",
        "print(visible(line), file=sys.stderr, flush=False)",
    ): "Python writes each line to the standard error when it ends",
    (
        "convert/proof/discrepancy.py",
        "np.concatenate([a.values for a in answers]).reshape(len(answers), -1),",
        "np.concatenate([a.values for a in answers]).reshape(len(answers), -2),",
    ): "numpy takes every length below zero for the one that is open",
    (
        "server/model_file/external_data.py",
        'skipped = NUMBERS if kind == "attribute" else None',
        "skipped = NUMBERS if kind != 'attribute' else None",
    ): "no other message has fields that look so, and it saves time alone",
    (
        "convert/fitted/features.py",
        "reach = FAR * ((high - low) or abs(high) or 1.0)",
        "reach = FAR * ((high - low) or abs(high) or 10.0)",
    ): "far from 0 is far",
    (
        "convert/lowering/tabulate.py",
        "for value in beside.values[: MAX_VARIED // len(numbers) + 1]",
        "for value in beside.values[: MAX_VARIED // len(numbers) - 1]",
    ): "one more of many",
    (
        "convert/lowering/preprocessing/knn_imputer.py",
        "distances, values = np.array([[np.nan, 1.0]]), np.array([0.0, 1.0])",
        "distances, values = np.array([[np.nan, 2.0]]), np.array([0.0, 1.0])",
    ): "without weights a distance counts as any other",
}
"""Module, the line, and what becomes of it → why it makes no difference."""
