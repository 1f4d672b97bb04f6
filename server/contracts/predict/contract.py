"""The server's own wire protocol as a contract."""

from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs

from server.batch import Prediction
from server.contracts.contract import Answer, Headers, Question
from server.contracts.headers import JSON, require_json
from server.contracts.predict.answers import write_answer
from server.contracts.schema import Schema
from server.problems import MEDIA_TYPE, InvalidQuery, Problem


class PredictContract:
    """JSON in, JSON out, problem details (RFC 9457) for what is refused.

    Parameters
    ----------
    is_default
        Whether requests that name no model are for this one.
    """

    def __init__(self, schema: Schema, is_default: bool) -> None:
        model = f"/models/{schema.signature.name}"
        version = f"{model}/versions/{schema.signature.version}"
        named = (f"{model}/predict", f"{version}/predict")
        self.paths: Sequence[str] = (*named, "/predict") if is_default else named
        self._schema = schema
        self._includes = schema.includes
        self._reader = schema.reader
        self._root_path = schema.root_path

    def is_hot(self, target: str) -> bool:
        return target in self.paths  # with a query there is more to do

    def accept(self, headers: Headers) -> None:
        require_json(headers)

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        if not query:
            return Question(self._reader.read(body))
        includes, skips = self._asked_for(query)
        if not skips:
            return Question(self._reader.read(body), includes)
        from server.contracts.predict.skipping import read_good

        return read_good(body, self._schema, includes)

    def write(self, question: Question, prediction: Prediction) -> Answer:
        if question.wish is None:
            return Answer(write_answer(question.batch, prediction), JSON)
        from server.contracts.predict.skipping import write_good

        return Answer(write_good(question, prediction), JSON)

    def refuse(self, problem: Problem) -> Answer:
        kind = MEDIA_TYPE.encode()
        body = problem.body(self._root_path)
        return Answer(body, kind, problem.status, problem.fields)

    def _asked_for(self, query: bytes) -> tuple[tuple[str, ...], bool]:
        """Return what is asked for beside a prediction, and whether bad rows are skipped.

        Raises
        ------
        InvalidQuery
        """
        parameters = parse_qs(query.decode("latin-1"))
        unknown = sorted(parameters.keys() - {"include", "on_error"})
        if unknown:
            raise InvalidQuery(
                f"The query has {unknown[0]!r}; its parameters are include and on_error."
            )
        names = ",".join(parameters.get("include", [])).split(",")
        on_error = ",".join(parameters.get("on_error", ["fail"]))
        if on_error not in ("fail", "skip"):
            raise InvalidQuery(f"on_error is {on_error!r}; send fail or skip.")
        return self.available(filter(None, names)), on_error == "skip"

    def available(self, includes: Iterable[str]) -> tuple[str, ...]:
        """Return what is asked for beside a prediction, if this model can add it.

        Raises
        ------
        InvalidQuery
        """
        wanted = tuple(includes)
        for name in wanted:
            if name not in self._includes:
                offered = ", ".join(self._includes)
                raise InvalidQuery(f"{name!r} is not one of: {offered}.")
        return wanted
