"""Processes that fit candidates, each with the table and with one thread."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from convert.tables.holdout import Split

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

_split: list[Split] = []


class Submit(Protocol):
    """Runs a function of the table in a worker."""

    def __call__(
        self, function: Callable[..., Answer], /, *arguments: object
    ) -> "Future[Answer]": ...


@contextmanager
def workers(split: Split, n_jobs: int) -> Iterator[Submit]:
    """Start `n_jobs` processes; whatever they still do at the end is given up."""
    pool = ProcessPoolExecutor(
        n_jobs,
        # a fork would copy the locks of this process's OpenMP threads
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(split,),
    )

    def submit(
        function: Callable[..., Answer], /, *arguments: object
    ) -> "Future[Answer]":
        return pool.submit(_call, function, *arguments)

    try:
        yield submit
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start(split: Split) -> None:
    _split.append(split)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process answers it
    threadpool_limits(limits=1)
    logging.getLogger("convert").setLevel(logging.ERROR)  # nine voices at once
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(function: Callable[..., Answer], *arguments: object) -> Answer:
    return function(_split[0], *arguments)
