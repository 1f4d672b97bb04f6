"""Runs a model on onnxruntime, without numpy and without its Python binding.

Whatever onnxruntime gives is released with the last reference to it, after an error
as well as after success; a session that is closed during a run lives until its end.
"""

import math
from collections.abc import Mapping, Sequence
from ctypes import addressof, c_char_p
from pathlib import Path
from typing import Any, NamedTuple, Self

from server.runtime.library import Library, Owned, RuntimeFault, RunTooLong, load
from server.runtime.tensors import (
    ELEMENT_TYPES,
    Addresses,
    InputTensors,
    OutputTensors,
    Port,
    Shape,
    Tensor,
    dtype_and_lengths,
)
from server.runtime.watchdog import SETTING, WATCHDOG, Watched

__all__ = ["Port", "RunTooLong", "RuntimeFault", "Session", "Tensor"]

MAX_KEPT_BATCHES = 8
MAX_KEPT_VALUES = 8192  # of the inputs and outputs of one batch
MAX_KEPT_TEXTS = 4096
"""What a session keeps from one prediction to the next; beyond it, it starts anew."""


class _Batch(Watched):
    """One run, and later runs of the same size."""

    def __init__(
        self,
        library: Library,
        session: Owned,
        inputs: InputTensors,
        outputs: OutputTensors,
        named: str,
    ) -> None:
        super().__init__(named, WATCHDOG)
        self._library = library
        self._options = library.create("RunOptions", library.CreateRunOptions)
        self._inputs = inputs
        self._outputs = outputs
        self._session = session
        self._arguments = (  # as plain numbers: ctypes converts those fastest
            session.value,
            self._options.value,
            addressof(inputs.names),
            addressof(inputs.pointers),
            len(inputs.ports),
            addressof(outputs.names),
            len(outputs.ports),
            addressof(outputs.pointers),
        )
        self._is_small = sum(inputs.n_values + outputs.n_values) <= MAX_KEPT_VALUES
        self._is_told = False

    def run(self, columns: Sequence[Any], addresses: Addresses) -> list[Tensor]:
        is_usual = self._inputs.fill(columns, addresses)
        self.is_kept = is_usual and self._is_small
        self.started = WATCHDOG.now
        try:
            status = self._library.Run(*self._arguments)
        finally:
            self.started = 0
        if status:
            self._refuse(status)
        return self._outputs.read()

    def tell(self) -> bool:
        self._is_told = True
        self._library.check(self._library.RunOptionsSetTerminate(self._options))
        return True

    def _refuse(self, status: int) -> None:
        try:
            self._library.check(status)
        except RuntimeFault as fault:
            if not self._is_told:
                raise
            seconds = WATCHDOG.seconds
            raise RunTooLong(
                f"{self.named} took longer than {seconds} s ({SETTING})"
            ) from fault


def _open_session(library: Library, content: bytes, named: str) -> Owned:
    options = library.create("SessionOptions", library.CreateSessionOptions)
    library.check(library.SetIntraOpNumThreads(options, 1))
    library.check(library.SetInterOpNumThreads(options, 1))
    # A pattern is kept for every number of rows ever seen, 36 kB each for a model of
    # seven inputs; without patterns a run takes 0.6 µs longer.
    library.check(library.DisableMemPattern(options))
    for pool in (b"intra_op", b"inter_op"):
        key = b"session.%s.allow_spinning" % pool
        library.check(library.AddSessionConfigEntry(options, key, b"0"))
    # Nothing but ONNX: its own format is found by four bytes, which a model may have.
    library.check(
        library.AddSessionConfigEntry(options, b"session.load_model_format", b"ONNX")
    )
    create, size = library.CreateSessionFromArray, len(content)
    opening = Watched(f"to open {named}", WATCHDOG)  # nothing can tell it to end
    opening.started = WATCHDOG.now
    try:
        return library.create("Session", create, library.env, content, size, options)
    finally:
        opening.started = 0


class _Declared(NamedTuple):
    port: Port
    symbols: tuple[str, ...]  # name of each length that is not fixed, or ""


def _declared(library: Library, session: Owned, side: str) -> list[_Declared]:
    """Return what the graph says of its inputs or outputs; `side` is Input or Output."""
    count = library.ask(getattr(library, f"SessionGet{side}Count"), session)
    name_of = getattr(library, f"SessionGet{side}Name")
    type_of = getattr(library, f"SessionGet{side}TypeInfo")
    declared = []
    for index in range(count):
        name = library.ask_text(name_of, session, index, library.allocator) or ""
        info = library.create("TypeInfo", type_of, session, index)
        tensor_info = library.ask(library.CastTypeInfoToTensorInfo, info)
        if tensor_info:  # a part of info
            dtype, lengths = dtype_and_lengths(library, tensor_info)
        else:
            dtype, lengths = "not a tensor", ()
        symbols = (c_char_p * len(lengths))()
        if symbols:
            get_symbols = library.GetSymbolicDimensions
            library.check(get_symbols(tensor_info, symbols, len(symbols)))
        shape = tuple(None if length < 0 else length for length in lengths)
        names = tuple((symbol or b"").decode(errors="replace") for symbol in symbols)
        declared.append(_Declared(Port(name, dtype, shape), names))
    return declared


def _widths(
    inputs: Sequence[_Declared], outputs: Sequence[_Declared]
) -> dict[str, Shape]:
    """Return the fixed lengths after n_rows, for numbers that have one row each."""
    n_rows = {declared.symbols[0] for declared in inputs if declared.symbols} - {""}
    return {
        port.name: tuple(length for length in port.shape[1:] if length is not None)
        for port, symbols in outputs
        if symbols and symbols[0] in n_rows and None not in port.shape[1:]
        if port.dtype in ("float32", "float64", "int64")
    }


def _column_shape(port: Port, n_rows: int) -> Shape:
    if len(port.shape) == 1:
        return (n_rows,)
    if len(port.shape) == 2 and port.shape[1] in (1, None):
        return (n_rows, 1)
    raise RuntimeFault(
        f"input {port.name!r} is declared {port.shape}, expected (None, 1): "
        "use run, not predict"
    )


class Session:
    """A model that is ready to run; threads may share it.

    Parameters
    ----------
    model
        The ONNX file or its bytes; neither is needed afterwards.
    named
        What it is called where something takes too long.

    Raises
    ------
    RuntimeFault
        The library is missing or refuses the model.
    """

    def __init__(self, model: bytes | Path, named: str = "a model") -> None:
        library = self._library = load()
        content = model if isinstance(model, bytes) else model.read_bytes()
        session = _open_session(library, content, named)
        self._named_run = f"a run of {named}"
        inputs = _declared(library, session, "Input")
        outputs = _declared(library, session, "Output")
        self.inputs = tuple(declared.port for declared in inputs)
        self.outputs = tuple(declared.port for declared in outputs)
        self._ports = {port.name: port for port in self.outputs}
        self._widths = _widths(inputs, outputs)
        self._session: Owned | None = session
        self._idle: dict[tuple[Any, ...], _Batch] = {}
        self._addresses = Addresses()

    def metadata(self, key: str) -> str | None:
        """Return an entry of the file's ``metadata_props``, None if there is none."""
        library, session = self._library, self._opened()
        describe = library.SessionGetModelMetadata
        model = library.create("ModelMetadata", describe, session)
        look_up = library.ModelMetadataLookupCustomMetadataMap
        return library.ask_text(look_up, model, library.allocator, key.encode())

    def run(self, outputs: Sequence[str], feed: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the named outputs for inputs of any shape.

        Raises
        ------
        RuntimeFault
            If an input is unknown or missing, or has fewer values than its shape, or
            the run is refused.
        """
        for name in feed.keys() ^ {port.name for port in self.inputs}:
            state = "unknown" if name in feed else "missing"
            raise RuntimeFault(f"input {name!r} is {state}")
        for name, (values, shape) in feed.items():
            # before that much memory is taken
            if min(shape, default=0) < 0 or len(values) < math.prod(shape):
                raise RuntimeFault(
                    f"input {name!r}: found {len(values)} values, expected the shape {shape}"
                )
        tensors = [feed[port.name] for port in self.inputs]
        shapes = [tuple(shape) for _, shape in tensors]
        batch = self._prepare(outputs, shapes, [None] * len(outputs))
        return batch.run([values for values, _ in tensors], Addresses())

    def predict(
        self, outputs: Sequence[str], columns: Sequence[Sequence[Any]], n_rows: int
    ) -> list[Tensor]:
        """Return the named outputs for a table.

        Parameters
        ----------
        columns
            `n_rows` values for each of `inputs`, in that order; each input is
            declared (n_rows, 1) or (n_rows,).
        """
        key = (n_rows, *outputs)
        batch = self._idle.pop(key, None)  # no other thread can have it now
        if batch is None:
            shapes = [_column_shape(port, n_rows) for port in self.inputs]
            bound = [self._bound_shape(name, n_rows) for name in outputs]
            batch = self._prepare(outputs, shapes, bound)
        addresses = self._addresses
        try:
            tensors = batch.run(columns, addresses)
        finally:
            if len(addresses) > MAX_KEPT_TEXTS:
                self._addresses = Addresses()
        if batch.is_kept:
            self._keep(key, batch)
        return tensors

    def close(self) -> None:
        """Release the model as soon as no run uses it."""
        self._session = None
        self._idle.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _opened(self) -> Owned:
        if (session := self._session) is None:
            raise RuntimeFault("the session is closed")
        return session

    def _prepare(
        self,
        outputs: Sequence[str],
        input_shapes: Sequence[Shape],
        output_shapes: Sequence[Shape | None],
    ) -> _Batch:
        library, session = self._library, self._opened()
        for name in outputs:
            if name not in self._ports:
                raise RuntimeFault(f"output {name!r} is unknown")
            if outputs.count(name) > 1:  # Run would write into the last one only
                raise RuntimeFault(f"output {name!r} is asked for twice")
        ports = [self._ports[name] for name in outputs]
        for port in (*self.inputs, *ports):
            if port.dtype not in ELEMENT_TYPES:
                raise RuntimeFault(
                    f"{port.name!r} is {port.dtype}, expected one of "
                    + ", ".join(ELEMENT_TYPES)
                )
        return _Batch(
            library,
            session,
            InputTensors(library, self.inputs, input_shapes),
            OutputTensors(library, ports, output_shapes),
            self._named_run,
        )

    def _bound_shape(self, name: str, n_rows: int) -> Shape | None:
        widths = self._widths.get(name)
        return None if widths is None else (n_rows, *widths)

    def _keep(self, key: tuple[Any, ...], batch: _Batch) -> None:
        """Let the next run of this size have it; without a lock, step by step.

        Another thread may keep one or close the session between any two steps: what is
        looked at is a copy, and what is too much then is taken away by whoever sees it.
        """
        self._idle[key] = batch
        if len(self._idle) > MAX_KEPT_BATCHES:
            for oldest in list(self._idle)[:-MAX_KEPT_BATCHES]:
                self._idle.pop(oldest, None)
        if self._session is None:
            self._idle.clear()
