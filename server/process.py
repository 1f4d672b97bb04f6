"""The server's process: load, prove, open the port, serve."""

import errno
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

from server.http.listener import listen
from server.log import set_up as set_up_log
from server.log import visible
from server.machine import fitted
from server.model import UnservableModel
from server.model_file.seal import UNSEALED
from server.models import Models
from server.runtime.session import RuntimeFault
from server.runtime.watchdog import WATCHDOG
from server.settings import InvalidSetting, Settings, read_settings

if TYPE_CHECKING:
    from server.app import App


HEARD = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)

SPARE_BYTES = 2**22
"""Taken and given back before anybody is served: nothing is answered without."""


class CannotListen(Exception):
    """The system does not let the process listen where it was told to."""

    def __init__(self, where: str, reason: str, flag: str) -> None:
        super().__init__(
            f"cannot listen on {where}: {reason}; choose another with {flag}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return the exit code."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing is served yet
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: sys.exit(0))  # there is nothing to drain yet
    # whoever blocks them for its own threads hands that down, and no stop would come
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
    try:
        settings = read_settings(sys.argv[1:] if arguments is None else arguments)
        settings = fitted(settings)
        _start_threads(settings)
        models = Models.load(settings)
        app = _create_app(models, settings)  # nothing fails once the port is open
        listener = _listen(settings)
    except (UnservableModel, InvalidSetting) as error:
        return _fail(str(error), 2)
    except (RuntimeFault, CannotListen) as error:
        return _fail(str(error), 1)
    _serve(app, models, settings, listener)
    return 0


def _start_threads(settings: Settings) -> None:
    """Start what goes on beside the loop, while its want can be said in a sentence.

    Raises
    ------
    InvalidSetting
        The process may have no more threads.
    """
    try:
        WATCHDOG.start(settings.run_seconds)
        set_up_log()
    except RuntimeError as error:
        raise InvalidSetting(
            f"{error}: let the process have more (ulimit -u, or the pids of its "
            "container), or more memory"
        ) from error


def _listen(settings: Settings) -> socket.socket:
    """Return what listens at the address of the settings.

    Raises
    ------
    CannotListen
    MemoryError
    """
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        return listen(address, family, settings.write_seconds)
    except socket.gaierror as error:
        raise CannotListen(host, str(error.strerror), "--host") from error
    except UnicodeError as error:  # of IDNA, which each name has to be in
        raise CannotListen(repr(host), "no name of a host", "--host") from error
    except LookupError as error:  # it does not load, and is taken for unknown
        raise MemoryError from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        other = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
        raise CannotListen(f"{host} port {port}", reason, other) from error


def _create_app(models: Models, settings: Settings) -> "App":
    from server.app import App  # a file that is refused does not wait for it

    return App(list(models.by_path.values()), settings)


def _serve(
    app: "App", models: Models, settings: Settings, listener: socket.socket
) -> None:
    _leave_out_command_line()
    from uvicorn.config import Config

    from server.http.connections import Connections
    from server.http.server import Server
    from server.protocol import Protocol, hot_heads
    from server.watch import Watch

    host, port = listener.getsockname()[:2]
    sys.modules["uvicorn"].Config = Config  # type: ignore[attr-defined]
    connections = Connections(app, settings)
    app.attach(connections)
    find_hot = hot_heads(
        lambda: app.endpoints, app.access, app.edge, lambda: app.tallies
    )
    make_connection: Callable[[], Protocol]
    make_connection = partial(Protocol, connections, find_hot)
    if app.edge.log is not None:
        from server.logged_protocol import LoggedProtocol

        make_connection = partial(LoggedProtocol, app.edge, connections, find_hot)
    watch = Watch(app, models, settings, on_change=find_hot.cache_clear)
    server = Server(connections, make_connection, on_tick=watch.look, on_stop=app.stop)
    # While a worker makes 10,000 answers the loop gets its turn after 0.5 ms, not 5:
    # small requests beside it waited 52 ms (p99), then 11.
    sys.setswitchinterval(0.0005)
    gc.freeze()  # what was made until now is there to stay
    gc.enable()
    server.handle_signals()
    signal.signal(signal.SIGHUP, watch.hurry)
    bytearray(SPARE_BYTES)  # all is loaded now
    _say(f"serving {_named(app)} on http://{_bracketed(host)}:{port}")
    for path, model in models.by_path.items():
        if not model.signature.sha256:
            _say(f"warning: {path} {UNSEALED}")
    server.run(sockets=[listener])
    app.close()
    if server.is_cut_short:
        logging.shutdown()
        os._exit(0)  # Python would wait for a run that may never end


def _named(app: "App") -> str:
    """Return the names, and which is the model of /predict if there are several."""
    names = ", ".join(app.model_names)
    if len(app.model_names) == 1:
        return names
    default = app.default or "none, choose it with --default"
    return f"{names} (/predict is {default})"


def _leave_out_command_line() -> None:
    """Let uvicorn's modules be imported without its `__init__`.

    That imports the command line with click and the supervisors of many processes,
    which nothing here uses: 2.5 MB and 15 ms (docs/decisions.md). Its modules ask the
    package for `Config` only.
    """
    spec = find_spec("uvicorn")
    if spec is not None and "uvicorn" not in sys.modules:
        sys.modules["uvicorn"] = module_from_spec(spec)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _fail(sentence: str, exit_code: int) -> int:
    _say(f"error: {sentence}")
    return exit_code


def _say(line: str) -> None:
    with suppress(OSError):  # a full disk, or nobody reads: what is served is served
        print(visible(line), file=sys.stderr, flush=True)
