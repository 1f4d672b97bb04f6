"""Looks at the files of the models while they are served, and serves them as they are.

A new file is loaded and proven in a thread beside the one that is served, and takes its
place between two requests; whatever is wrong with it, the one before goes on.
"""

import asyncio
import gc
import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from server.app import App
from server.models import Models, Stamps, stamps_of
from server.settings import InvalidSetting, Settings

LOG = logging.getLogger("server")


class Watch:
    """Keeps what an application serves as its files are.

    Parameters
    ----------
    app
        Serves `models` already.
    on_change
        Called behind each change of what it serves.
    """

    def __init__(
        self,
        app: App,
        models: Models,
        settings: Settings,
        on_change: Callable[[], None],
    ) -> None:
        self._app = app
        self._models = models
        self._settings = settings
        self._on_change = on_change
        self._seen: Stamps | None = models.stamps
        self._next_look = monotonic() + settings.reload_seconds
        self._is_hurried = False
        self._loading: asyncio.Task[None] | None = None

    def hurry(self, *_: object) -> None:
        """Look again now, as a signal asks for."""
        self._is_hurried = True

    def look(self) -> None:
        """Begin to load what changed, if it is time to look.

        A file that is still being written is another one at the next look; it is
        loaded when two looks have found the same.
        """
        if self._loading is not None and not self._loading.done():
            return
        if not self._is_hurried:
            every_s = self._settings.reload_seconds
            if not every_s or monotonic() < self._next_look:
                return
            self._next_look = monotonic() + every_s
            if not self._is_settled():
                return
        self._is_hurried = False
        self._loading = asyncio.get_running_loop().create_task(self._reload())

    def _is_settled(self) -> bool:
        """Tell whether the files are others than those served, and no longer change."""
        found = None  # like a file that is out of reach: why may be new at each look
        with suppress(InvalidSetting):
            found = stamps_of(self._settings.model_paths())
        before, self._seen = self._seen, found
        is_whole = found is not None and None not in found.values()
        return found == before and not (is_whole and found == self._models.stamps)

    async def _reload(self) -> None:
        before = self._models
        loop = asyncio.get_running_loop()
        after = await loop.run_in_executor(None, before.reloaded, self._settings)
        self._models = after
        # strangers see the name of a file, and not in which folder it is
        self._app.refused = {
            _text(path.name): _text(why.replace(str(path), path.name))
            for path, why in after.refused.items()
        }
        for path, why in after.refused.items():
            if before.refused.get(path) != why:
                LOG.warning("not served: %s", why)
        if dict(after.by_path) == dict(before.by_path):
            return
        self._app.serve(list(after.by_path.values()))
        self._on_change()
        served = (
            f"{model.signature.name} {model.signature.version}"
            for model in after.by_path.values()
        )
        LOG.warning("serving %s", ", ".join(served))
        del before  # the models that nobody asks any more
        gc.collect()


def _text(name: str) -> str:
    """Return what JSON takes: the name of a file may be any bytes."""
    return name.encode(errors="backslashreplace").decode()
