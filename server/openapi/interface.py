"""The document and the page, made at their first request and kept."""

import asyncio
from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp

from server.endpoint import Endpoint
from server.openapi.document import document
from server.openapi.examples import Shown, shown
from server.openapi.page import FIELDS, page
from server.openapi.served import Served
from server.openapi.table import operations
from server.settings import Settings


class Interface:
    """What an application tells of itself.

    Parameters
    ----------
    application
        Is asked for the examples.
    endpoints
        By model name.
    default
        The name that counts where a request has none.

    Attributes
    ----------
    page_fields
        Of the head of the page's answer.
    """

    page_fields = FIELDS

    def __init__(
        self,
        application: ASGIApp,
        endpoints: Mapping[str, Endpoint],
        default: str | None,
        settings: Settings,
    ) -> None:
        self._application = application
        self._served = Served(endpoints, default, settings)
        self._one_at_a_time = asyncio.Lock()
        self._shown: Sequence[Shown] = ()
        self._document = self._page = b""

    async def document(self) -> bytes:
        """Return the document of OpenAPI, JSON.

        Raises
        ------
        Overloaded
        """
        async with self._one_at_a_time:
            if not self._document:
                # beside the event loop: of many models it has megabytes
                made = asyncio.to_thread(document, await self._examples(), self._served)
                self._document = await made
            return self._document

    async def page(self) -> bytes:
        """Return the page for people, HTML.

        Raises
        ------
        Overloaded
        """
        async with self._one_at_a_time:
            if not self._page:
                made = asyncio.to_thread(page, await self._examples(), self._served)
                self._page = await made
            return self._page

    async def _examples(self) -> Sequence[Shown]:
        if not self._shown:
            table = operations(self._served)
            self._shown = await shown(self._application, table)
        return self._shown
