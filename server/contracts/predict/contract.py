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
        self._includes = schema.includes
        self._reader = schema.reader
        self._root_path = schema.root_path

    def is_hot(self, target: str) -> bool:
        return target in self.paths  # with a query there is more to do

    def accept(self, headers: Headers) -> None:
        require_json(headers)

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        includes = self._asked_for(query) if query else ()
        return Question(self._reader.read(body), includes)

    def write(self, question: Question, prediction: Prediction) -> Answer:
        return Answer(write_answer(question.batch, prediction), JSON)

    def refuse(self, problem: Problem) -> Answer:
        kind = MEDIA_TYPE.encode()
        body = problem.body(self._root_path)
        return Answer(body, kind, problem.status, problem.fields)

    def _asked_for(self, query: bytes) -> tuple[str, ...]:
        parameters = parse_qs(query.decode("latin-1"))
        unknown = sorted(parameters.keys() - {"include"})
        if unknown:
            raise InvalidQuery(
                f"The query has {unknown[0]!r}; its one parameter is include."
            )
        names = ",".join(parameters.get("include", [])).split(",")
        return self.available(filter(None, names))

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
