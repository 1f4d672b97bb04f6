"""The server's settings: one table of name, default and sentence.

`--help`, the environment's names, the README and the tests are made from it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from server import __version__

if TYPE_CHECKING:
    import argparse

ENVIRONMENT_PREFIX = "PINION_"


class InvalidSetting(ValueError):
    """A setting has a value that cannot be used; the message names it."""


class Setting(NamedTuple):
    """One setting; its type is its default's, its unit is in its name.

    Parameters
    ----------
    platform_variable
        What a platform says it with, where our own variable says nothing.
    """

    name: str
    default: str | int
    sentence: str
    minimum: int = 0
    maximum: int = 2**63 - 1
    platform_variable: str = ""

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()

    def parse(self, text: str, source: str) -> str | int:
        """Return `text` as the setting's type.

        Raises
        ------
        InvalidSetting
            Not of the type, or outside of the bounds; names `source`.
        """
        if isinstance(self.default, str):
            return text
        try:
            value = int(text)
        except ValueError:
            raise InvalidSetting(
                f"{source} is {text!r}; expected a whole number"
            ) from None
        if not self.minimum <= value <= self.maximum:
            raise InvalidSetting(
                f"{source} is {value}; expected {self.minimum} to {self.maximum}"
            )
        return value


SETTINGS = (
    Setting(
        "host",
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 is every one, :: with those of IPv6.",
    ),
    Setting(
        "port",
        8080,
        "TCP port to listen on; 0 takes a free one.",
        0,
        65535,
        "AIP_HTTP_PORT",
    ),
    Setting(
        "models_folder",
        "models",
        "Folder served when no model file is named; of several, with a colon between "
        "them, the first that exists.",
    ),
    Setting(
        "reload_seconds",
        2,
        "How often the model files are looked at; what changed is loaded and served. "
        "0 waits for SIGHUP.",
    ),
    Setting("default", "", "Model of /predict, by name, where several are served."),
    Setting(
        "predict_route",
        "",
        'One path more that answers {"instances": […]}.',
        platform_variable="AIP_PREDICT_ROUTE",
    ),
    Setting(
        "health_route",
        "",
        "One path more that answers as /readyz does.",
        platform_variable="AIP_HEALTH_ROUTE",
    ),
    Setting("max_model_bytes", 134_217_728, "Largest model file, in bytes.", 1),
    Setting(
        "trusted_keys", "", "File of public keys; only what they signed is served."
    ),
    Setting("run_seconds", 10, "Longest run of a model; then it is ended.", 1),
    Setting("keys_file", "", "File of SHA-256 sums of API keys, one a line."),
    Setting("keys", "", "SHA-256 sums of API keys, with spaces between."),
    Setting("hosts", "", "Names in Host that are answered, with spaces; all."),
    Setting(
        "cors_origins",
        "",
        "Origins whose pages may read the answers, with spaces, as https://app.example; "
        "* is every one.",
    ),
    Setting(
        "trusted_proxies",
        "",
        "Addresses and networks, with spaces, that are believed to say who asks; unix is "
        "a socket.",
    ),
    Setting(
        "root_path", "", "Before each path, for whoever asks through a proxy, as /api."
    ),
    Setting(
        "access_log", "", "stdout or stderr: a line of JSON there for each request."
    ),
    Setting("max_rate_per_key", 0, "Most requests a second with one key; 0 is any."),
    Setting(
        "max_rate_per_address",
        0,
        "Most requests a second of one client address; 0 is any.",
    ),
    Setting("max_body_bytes", 4_194_304, "Largest request body, in bytes.", 1),
    Setting("max_rows", 10_000, "Most rows in one request.", 1),
    Setting(
        "max_line_bytes",
        1_048_576,
        "Longest line of a stream of CSV or JSON, in bytes; such a stream has no other "
        "limit.",
        65_536,
    ),
    Setting("max_head_bytes", 32_768, "Largest head of a request, in bytes.", 1),
    Setting("max_target_bytes", 8192, "Longest path with its query, in bytes.", 1),
    Setting("max_fields", 100, "Most fields in one head.", 1),
    Setting("head_seconds", 10, "Longest wait for a head, from its first byte.", 1),
    Setting("body_seconds", 60, "Longest wait for a body, from its head.", 1),
    Setting(
        "write_seconds",
        60,
        "Longest wait for a client to read its answer.",
        1,
        1_000_000,
    ),
    Setting("keep_alive_seconds", 75, "Idle time after which a connection closes."),
    Setting("max_connections", 1000, "Most connections at once.", 1),
    Setting(
        "max_connections_per_address", 500, "Most connections of one client address.", 1
    ),
    Setting(
        "max_held_bytes",
        33_554_432,
        "Most bytes of all requests that are not answered; less where the memory is "
        "limited: 1/32 of it.",
        1,
    ),
    Setting(
        "max_unsent_bytes",
        8_388_608,
        "Most bytes of all answers that no client has read, but for one; less where the "
        "memory is limited: 1/128 of it.",
        1,
    ),
    Setting(
        "deadline_ms",
        2000,
        "Longest time that a request waits for others; then it is told 503.",
        1,
    ),
    Setting("metrics", 1, "1 counts, and answers /metrics; 0 does neither.", 0, 1),
    Setting(
        "ready_seconds",
        1,
        "At a stop, how long /readyz says so before nobody is let in any more.",
    ),
    Setting("drain_seconds", 8, "At a stop, longest wait for open requests."),
)


class Settings(NamedTuple):
    """Values of the table above, and the model files named on the command line."""

    host: str
    port: int
    models_folder: str
    reload_seconds: int
    default: str
    predict_route: str
    health_route: str
    max_model_bytes: int
    trusted_keys: str
    run_seconds: int
    keys_file: str
    keys: str
    hosts: str
    cors_origins: str
    trusted_proxies: str
    root_path: str
    access_log: str
    max_rate_per_key: int
    max_rate_per_address: int
    max_body_bytes: int
    max_rows: int
    max_line_bytes: int
    max_head_bytes: int
    max_target_bytes: int
    max_fields: int
    head_seconds: int
    body_seconds: int
    write_seconds: int
    keep_alive_seconds: int
    max_connections: int
    max_connections_per_address: int
    max_held_bytes: int
    max_unsent_bytes: int
    deadline_ms: int
    metrics: int
    ready_seconds: int
    drain_seconds: int
    models: tuple[Path, ...] = ()

    def model_paths(self) -> list[Path]:
        """Return the files that were named, or those of the first folder that exists.

        A folder that somebody mounted counts, whatever is in it: serving the models of
        another in its place would answer with a model that nobody meant.

        Raises
        ------
        InvalidSetting
            There is no model in it, or it cannot be read.
        """
        if self.models:
            return list(self.models)
        folders = [Path(each) for each in self.models_folder.split(os.pathsep)]
        try:
            folder = next(filter(Path.exists, folders), folders[-1])
            names = sorted(os.listdir(folder)) if folder.exists() else []
        except OSError as error:
            remedy = "let everybody read it"
            if not isinstance(error, PermissionError):
                remedy = "name another with --models-folder"
            raise InvalidSetting(
                f"{error.filename}/ cannot be read: {error.strerror}; {remedy}"
            ) from error
        paths = [folder / name for name in names if name.endswith(".onnx")]
        if not paths:
            raise InvalidSetting(
                f"there is no .onnx file in {folder}/; name a model file, or make one "
                "with python -m convert train"
            )
        return paths


def read_settings(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings: flags first, then the environment, then defaults.

    Raises
    ------
    InvalidSetting
        A value is not of its setting's type or is out of bounds.
    """
    words = list(arguments)
    if words[:1] == ["serve"]:  # what platforms say to an image: docker run IMAGE serve
        del words[0]
    # argparse is 4 ms of a start: without a flag nobody waits for it
    flags = vars(_parser().parse_args(words)) if words else {}
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        if flags.get(setting.name) is not None:
            values[setting.name] = setting.parse(flags[setting.name], setting.flag)
            continue
        values[setting.name] = setting.default
        for variable in (setting.platform_variable, setting.variable):
            if variable in environment:
                text = environment[variable]
                values[setting.name] = setting.parse(text, variable)
    return Settings(**values, models=tuple(flags.get("models", ())))


def default_settings() -> Settings:
    """Return the settings of an empty command line and environment."""
    return read_settings([], {})


def _help_formatter(prog: str) -> "argparse.HelpFormatter":
    import argparse

    # without a width argparse imports shutil to ask the terminal: 4 ms of every start
    return argparse.HelpFormatter(prog, width=80)


def _parser() -> "argparse.ArgumentParser":
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m server",
        formatter_class=_help_formatter,
        description="Serve ONNX model files over HTTP.",
        epilog="example: python -m server models/student_performance.onnx --port 8080",
    )
    parser.add_argument(
        "models",
        metavar="MODEL.onnx",
        nargs="*",
        type=Path,
        help="model files",
    )
    parser.add_argument("--version", action="version", version=f"pinion {__version__}")
    for setting in SETTINGS:
        parser.add_argument(
            setting.flag,
            metavar=type(setting.default).__name__.upper(),
            help=f"{setting.sentence} Default {setting.default or 'none'}; "
            f"environment {setting.variable}.",
        )
    return parser
