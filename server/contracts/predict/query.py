"""`GET /predict?reading_score=72&…`: one row in a query, for whoever can only ask so."""

from urllib.parse import parse_qsl

from server.contracts.contract import Headers, Question
from server.contracts.predict.contract import PredictContract
from server.contracts.schema import Schema
from server.contracts.text import value_of
from server.problems import InvalidQuery

INCLUDE = "include"


class QueryContract(PredictContract):
    """Our own answers to a row in the query; a feature is missing where it is empty."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema, is_default=False)
        self._features = {each.name: each for each in schema.signature.features}

    def accept(self, headers: Headers) -> None:
        """Take whatever comes: there is no body."""

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        texts: dict[str, str] = {}
        includes: list[str] = []
        for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name == INCLUDE and INCLUDE not in self._features:
                includes += text.split(",")
            elif name in texts:
                raise InvalidQuery(f"The query has {name!r} twice.")
            else:
                texts[name] = text
        row = {
            name: value_of(self._features[name], text)
            if name in self._features
            else text
            for name, text in texts.items()
        }
        return Question(self._reader.check(row), self.available(filter(None, includes)))
