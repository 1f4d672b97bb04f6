"""The columns of a table that a pipeline does not read, as a model file names them."""

import logging
from collections.abc import Iterable, Sequence

from server.signature import MAX_IGNORED_BYTES, MAX_IGNORED_NAMES, Feature

log = logging.getLogger(__name__)


def ignored_columns(
    columns: Iterable[str], features: Sequence[Feature]
) -> tuple[str, ...]:
    """Return the columns that are no features, in their order.

    All of them or none: a server that drops some and refuses the others helps nobody
    who posts whole records. A name that is no UTF-8 is left out, as no JSON can hold it.
    """
    read = {feature.name for feature in features}
    ignored = tuple(
        name for name in dict.fromkeys(columns) if name not in read and _is_utf8(name)
    )
    n_bytes = sum(len(name.encode()) for name in ignored)
    if len(ignored) <= MAX_IGNORED_NAMES and n_bytes <= MAX_IGNORED_BYTES:
        return ignored
    log.warning(
        "the table has %d columns that the pipeline does not read, with names of %d "
        "bytes, and a file can name %d with %d bytes: it names none, and the server "
        "refuses a row that has one; remove from the table those that no row will have",
        *(len(ignored), n_bytes, MAX_IGNORED_NAMES, MAX_IGNORED_BYTES),
    )
    return ()


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
