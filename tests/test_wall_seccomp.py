"""The filter is run here by a machine of a few lines, so for both processors."""

import struct

import pytest

from convert.wall import seccomp
from convert.wall.seccomp import (
    ALLOW,
    CLONE3,
    KILL,
    MACHINES,
    NOT_THERE,
    REFUSE,
    REFUSED,
    X32,
    program,
)


def answer(name: str, number: int, argument: int = 0, mark: int | None = None) -> int:
    """Return what the filter of a machine says of one call."""
    machine = MACHINES[name]
    words = {
        seccomp.NUMBER: number,
        seccomp.MACHINE: machine.mark if mark is None else mark,
        seccomp.FIRST_ARGUMENT: argument & 0xFFFFFFFF,
    }
    steps = [struct.unpack("HBBI", step) for step in program(machine)]
    word = place = 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        if code == seccomp.RETURN:
            return int(value)
        if code == seccomp.LOAD:
            word = words[value]
        else:
            is_true = {
                seccomp.JUMP_EQUAL: word == value,
                seccomp.JUMP_GREATER_EQUAL: word >= value,
                seccomp.JUMP_ANY_BIT: bool(word & value),
            }[code]
            place += if_true if is_true else if_false


@pytest.mark.parametrize(("column", "name"), [*enumerate(MACHINES)])
def test_each_call_of_the_list_is_refused_and_others_are_not(
    column: int, name: str
) -> None:
    refused = {call: answer(name, numbers[column]) for call, numbers in REFUSED.items()}

    assert refused == dict.fromkeys(REFUSED, REFUSE)
    # read, write and mmap of one or the other
    assert {answer(name, number) for number in ((0, 1, 9), (63, 64, 222))[column]} == {
        ALLOW
    }


@pytest.mark.parametrize(("name", "clone"), [("x86_64", 56), ("aarch64", 220)])
def test_threads_and_processes_start_and_namespaces_do_not(
    name: str, clone: int
) -> None:
    thread, process, new_user = 0x3D0F00, 17, 0x10000000 | 17

    answers = [answer(name, clone, flags) for flags in (thread, process, new_user)]

    assert answers == [ALLOW, ALLOW, REFUSE]
    assert answer(name, CLONE3) == NOT_THERE


@pytest.mark.parametrize(("name", "prlimit"), [("x86_64", 302), ("aarch64", 261)])
def test_limits_are_set_of_oneself_only(name: str, prlimit: int) -> None:
    assert [answer(name, prlimit, process) for process in (0, 1)] == [ALLOW, REFUSE]


def test_the_calls_of_another_machine_end_the_process() -> None:
    i386 = 0x40000003

    assert answer("x86_64", 0, mark=i386) == KILL
    assert answer("x86_64", X32) == REFUSE


@pytest.mark.parametrize("name", MACHINES)
def test_no_number_stands_twice(name: str) -> None:
    refused = MACHINES[name].refused

    assert len(refused) == len(set(refused))
