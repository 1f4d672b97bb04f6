"""The first correct answer of a server: it has started when it gives that."""

import json
import time
from dataclasses import dataclass
from typing import Self

from bench.errors import Refusal
from bench.load.address import Address
from bench.load.requests import Signature, fetch_signature, to_json
from bench.subjects.program import Program

POLL_S = 0.001
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class KnownRequest:
    """A request of which the answer is known: the signature's first golden row."""

    body: bytes
    prediction: float
    tolerance: float

    @classmethod
    def take(cls, signature: Signature) -> Self:
        try:
            golden = signature["golden_rows"][0]
            prediction = float(golden["predictions"][0])
        except (IndexError, KeyError, ValueError) as error:
            raise Refusal(
                f"the model {signature['name']!r} has no golden row with a number, so "
                "no answer can be checked: take a regression by python -m convert"
            ) from error
        tolerance = signature.get("golden_tolerance", 0.0)
        return cls(to_json(golden["row"]), prediction, tolerance)

    def check(self, address: Address | str, answer: bytes) -> None:
        """Raise a Refusal if `answer` is not the known one.

        Raises
        ------
        Refusal
            If it is no prediction, or one that is further than `tolerance` from the
            known one.
        """
        try:
            prediction = float(json.loads(answer)["prediction"])
        except (KeyError, TypeError, ValueError):
            prediction = float("nan")
        if not abs(prediction - self.prediction) <= self.tolerance:
            text = answer.decode(errors="replace")[:500]
            raise Refusal(
                f"{address} answered {text!r} to a golden row; expected a prediction of "
                f"{self.prediction} ± {self.tolerance}"
            )


def await_signature(program: Program, address: Address) -> Signature:
    """Return the signature of the default model as soon as the program gives it.

    Raises
    ------
    Refusal
        If the program ended, or gives no signature within `TIMEOUT_S`.
    """
    while True:
        try:
            return fetch_signature(address)
        except Refusal as refusal:
            program.check_alive()
            if time.perf_counter() - program.begin_s > TIMEOUT_S:
                raise Refusal(f"{refusal}; it wrote: {program.read_log()}") from refusal
        time.sleep(POLL_S)


def await_ready(program: Program) -> float:
    """Return the seconds until the program, no server, says that it is ready.

    Raises
    ------
    Refusal
        If the program ended, or does not say `ready` within `TIMEOUT_S`.
    """
    while not program.read_log().endswith("ready"):
        program.check_alive()
        if time.perf_counter() - program.begin_s > TIMEOUT_S:
            raise Refusal(f"no `ready` within {TIMEOUT_S:g} s: {program.read_log()}")
        time.sleep(POLL_S)
    return time.perf_counter() - program.begin_s


def await_answer(program: Program, address: Address, question: KnownRequest) -> float:
    """Ask until there is an answer; return the seconds since the program's start.

    Raises
    ------
    Refusal
        The program ended, took longer than `TIMEOUT_S`, or answered wrongly.
    """
    while True:
        status, answer = _ask(address, question)
        elapsed_s = time.perf_counter() - program.begin_s
        if status == 200:
            question.check(address, answer)
            return elapsed_s
        program.check_alive()
        if elapsed_s > TIMEOUT_S:
            raise Refusal(
                f"{address} gave no answer within {TIMEOUT_S:g} s of its start, at last "
                f"{status} {answer[:500]!r}; it wrote: {program.read_log()}"
            )
        time.sleep(POLL_S)


def _ask(address: Address, question: KnownRequest) -> tuple[int, bytes]:
    """Return status and answer; the status is 0 while nothing listens."""
    try:
        return address.ask("POST", "/predict", question.body)
    except Refusal:
        return 0, b""
