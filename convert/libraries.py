"""The errors of libraries, that they cannot be loaded or their own, and their logs.

The loader of the system gives its OSError neither a number nor a file, only a text.
"""

import contextlib
import errno
import logging
import re
import sys
from collections.abc import Iterator

from convert.errors import Refusal

OWN_ERRORS = (("catboost", "CatBoostError"), ("lightgbm.basic", "LightGBMError"))
"""Of libraries that are loaded only where a pipeline holds something of theirs."""

NO_MEMORY = "there is too little memory; give the process more"
NO_THREAD = "can't start new thread"
"""As `threading` says it, with no class of its own."""

MORE_THREADS = (
    "let the process have more (ulimit -u, or the pids of its container), or more "
    "memory"
)
REMEDIES = {
    errno.EAGAIN: MORE_THREADS,  # of fork
    errno.EMFILE: "let the process open more (ulimit -n)",
}

UNMAPPED = "failed to map segment"
"""What the loader of Linux says of a shared object where there is too little memory."""

NO_FOLDER = "temporary directory"
"""What Python and matplotlib say of, in many words, where neither finds one."""

SHARED_OBJECT = re.compile(r"(?P<name>lib[\w.+-]+?\.(?:so|dylib)[.\d]*)")

SYSTEM_PACKAGES = {
    "libgomp.so": "libgomp1 on Debian and Ubuntu, libgomp on Fedora and Amazon Linux",
    "libomp.dylib": "libomp of Homebrew on macOS",
    "libstdc++.so": "libstdc++6 on Debian and Ubuntu, libstdc++ elsewhere",
}
"""Shared object → the package of the system that has it; LightGBM wants the first."""


def library_errors() -> tuple[type[Exception], ...]:
    """Return the errors that no class of Python's tells, of what is loaded now."""
    modules = ((sys.modules.get(module), name) for module, name in OWN_ERRORS)
    return tuple(getattr(module, name) for module, name in modules if module)


def silence_lightgbm() -> None:
    """Keep LightGBM, if it is loaded, from printing its warnings at each prediction.

    They are of the parameters that it was fitted with; its errors are raised as well.
    """
    if lightgbm := sys.modules.get("lightgbm"):
        log = logging.getLogger("lightgbm")
        log.setLevel(logging.ERROR)
        lightgbm.register_logger(log)


def wants_system_package(error: BaseException) -> bool:
    """Whether the system's loader raised this, not Python's import."""
    is_import = isinstance(error, ImportError) and SHARED_OBJECT.search(str(error))
    return bool(is_import) or (isinstance(error, OSError) and error.errno is None)


def why_not_loaded(error: BaseException) -> str:
    """Return what is wanting, and the system's package that has it, where known."""
    text = str(error).strip() or type(error).__name__
    said = text.splitlines()[0]
    found = SHARED_OBJECT.search(said)
    if found is None:
        return f"{said}: install it again"
    for name, packages in SYSTEM_PACKAGES.items():
        if found["name"].startswith(name):
            return f"{said}: install the system's package ({packages})"
    return f"{said}: install the system's package that has {found['name']}"


@contextlib.contextmanager
def as_refusals() -> Iterator[None]:
    """Say of what this machine lacks in one sentence.

    Raises
    ------
    Refusal
        A library is not installed or cannot be loaded, or the system refused a file,
        memory or a thread.
    BrokenPipeError
        Nobody reads any more what is written; it is passed on.
    ImportError
        An import fails for another reason; it is passed on.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except MemoryError as error:
        raise Refusal(NO_MEMORY) from error
    except RuntimeError as error:
        if str(error) != NO_THREAD:
            raise
        raise Refusal(f"{error}: {MORE_THREADS}") from error
    except ModuleNotFoundError as error:
        raise Refusal(
            f"{error.name} is not installed for {sys.executable}: use .venv/bin/python, "
            "which `make check` makes"
        ) from error
    except (ImportError, OSError) as error:
        if UNMAPPED in str(error):
            raise Refusal(NO_MEMORY) from error
        if NO_FOLDER in str(error):
            raise Refusal(
                "no folder for temporary files can be written: name one in TMPDIR"
            ) from error
        if wants_system_package(error):
            raise Refusal(
                f"a library cannot be loaded here, {why_not_loaded(error)}"
            ) from error
        if isinstance(error, ImportError):
            raise
        remedy = REMEDIES.get(error.errno or 0)
        said = [error.filename, error.strerror, remedy]
        raise Refusal(": ".join(filter(None, said))) from error
