"""The server that is attacked, and what is seen of it from outside."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load.address import Address
from bench.load.requests import Signature, encode, make_bodies
from bench.subjects.answer import await_signature
from bench.subjects.program import Program, clean_environment, free_port

STOP_TIMEOUT_S = 40.0
N_LARGE_ROWS = 10_000


class Attacked(Program):
    """A server that runs."""

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        """Return the exit code."""
        return self._popen.wait(STOP_TIMEOUT_S)

    def rss_mib(self) -> float:
        return self._status_kib("VmRSS") / 1024

    def peak_rss_mib(self) -> float:
        """Return the most since the start, or since `forget_peak`."""
        return self._status_kib("VmHWM") / 1024

    def private_kib(self) -> int:
        """Return what it wrote and shares with nobody."""
        return round(self.memory().private_mib * 1024)

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status_kib(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith(name))
        return int(line.split()[1])


@dataclass(frozen=True)
class Victim:
    """How it is started, on a core of its own."""

    python: str
    model: Path
    core: int
    before: Sequence[str] = ()
    """Words before its command."""

    def start(self, *settings: str) -> tuple[Attacked, Address, Signature]:
        """Start it with settings of its command line; return when it answers."""
        address = Address("127.0.0.1", free_port())
        port = str(address.port)
        words = ["-m", "server", str(self.model.resolve()), "--port", port, *settings]
        command = [*self.before, self.python, *words]
        program = Attacked(command, self.core, clean_environment())
        return program, address, await_signature(program, address)


def small_requests(address: Address, signature: Signature) -> list[bytes]:
    return encode(address, "/predict", make_bodies(signature, n_rows=1))


def large_requests(address: Address, signature: Signature) -> list[bytes]:
    """Return lists of 10,000 rows."""
    return encode(address, "/predict", make_bodies(signature, n_rows=N_LARGE_ROWS))
