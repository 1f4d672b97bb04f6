"""The settings within what the process may take."""

import resource
from pathlib import Path

import pytest

from server import machine
from server.machine import allowed_files, fitted, memory_limit_bytes
from server.settings import InvalidSetting, default_settings, read_settings

MIB = 2**20


def limit_to(n_bytes: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_limit_bytes", lambda: n_bytes)


@pytest.mark.parametrize(
    ("limit_bytes", "held", "unsent"),
    [
        (None, 32 * MIB, 8 * MIB),
        (1024 * MIB, 32 * MIB, 8 * MIB),
        (256 * MIB, 8 * MIB, 2 * MIB),
        (64 * MIB, 4 * MIB, MIB // 2),
    ],
)
def test_a_small_machine_has_small_budgets_but_room_for_one_body(
    limit_bytes: int | None, held: int, unsent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_to(limit_bytes, monkeypatch)
    settings = fitted(default_settings())

    assert (settings.max_held_bytes, settings.max_unsent_bytes) == (held, unsent)


def test_what_is_asked_for_is_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_to(2**40, monkeypatch)
    wanted = read_settings(
        ["--max-held-bytes", "5000000", "--max-unsent-bytes", "2", "--max-rows", "3"]
    )
    expected = wanted._replace(max_connections=fitted(wanted).max_connections)

    assert fitted(wanted) == expected


@pytest.mark.parametrize(
    ("n_files", "n_connections"), [(64, 40), (25, 1), (2000, 1000)]
)
def test_there_are_no_more_connections_than_files(
    n_files: int, n_connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "allowed_files", lambda: n_files)

    assert fitted(default_settings()).max_connections == n_connections


@pytest.mark.parametrize(
    ("texts", "limit"),
    [
        (["max\n", None], None),
        (["134217728\n", None], 134217728),
        ([None, "9\n"], 9),
        (["8\n", "9\n"], 8),
        ([None, None], None),
    ],
)
def test_the_limit_is_that_of_the_control_group(
    texts: list[str | None],
    limit: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = [tmp_path / str(position) for position in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        if text is not None:
            path.write_text(text)
    monkeypatch.setattr(machine, "MEMORY_LIMITS", paths)
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "none")

    assert memory_limit_bytes() == limit


@pytest.mark.parametrize(
    ("groups", "limit"),
    [
        ("0::/system.slice/pinion.service\n", 100),
        ("0::/system.slice/other.service\n", 300),
        ("4:cpu,memory:/pinion\n3:memoryless:/other\n0::/\n", 200),
        ("0::/gone/since\n", None),
        ("", None),
    ],
)
def test_the_limit_is_that_of_any_group_that_the_process_is_in(
    groups: str, limit: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("unified/system.slice/memory.max", "300"),
        ("unified/system.slice/pinion.service/memory.max", "100"),
        ("memory/pinion/limit", "200"),
        ("memory/other/limit", "1"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    own = tmp_path / "cgroup"
    own.write_text(groups)
    roots = (tmp_path / "unified" / "memory.max", tmp_path / "memory" / "limit")
    monkeypatch.setattr(machine, "MEMORY_LIMITS", roots)
    monkeypatch.setattr(machine, "OWN_GROUPS", own)

    assert memory_limit_bytes() == limit


def test_too_few_files_for_one_connection_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "allowed_files", lambda: 24)

    with pytest.raises(InvalidSetting, match=r"^the process may open 24 files"):
        fitted(default_settings())


def test_the_process_asks_for_all_the_files_that_it_can_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, hard = before
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        found = allowed_files()
        after = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert after == (hard, hard)
    assert found == (2**31 if hard == resource.RLIM_INFINITY else hard)
