"""Takes system calls from this process that no computation needs, with seccomp.

The filter is a program for the kernel's packet filter, which reads the number of a
call, the machine that it is written for, and the arguments that are no addresses.
Sources: linux/seccomp.h, linux/filter.h, linux/audit.h, asm/unistd.h of both machines.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterator
from typing import NamedTuple

from convert.wall.libc import call

SET_FILTER, ALL_THREADS = 1, 1

LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT, RETURN = (
    0x20,
    0x15,
    0x35,
    0x45,
    0x06,
)
"""Instructions: read a word, jump if it equals, is at least, or has a bit of, return."""

NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16
"""Where these stand in what a filter reads."""

ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
NOT_THERE = 0x00050000 | errno.ENOSYS

NEW_NAMESPACES = 0x7E020080
"""Flags of `clone`: mount, cgroup, uts, ipc, user, pid, network, time."""

X32 = 0x40000000
"""Calls of another interface of the same machine begin here, with other numbers."""


class Architecture(NamedTuple):
    """Its mark, and the number of each call that is refused or looked at."""

    mark: int
    seccomp: int
    clone: int
    prlimit: int
    refused: tuple[int, ...]


CLONE3 = 435

SAME_EVERYWHERE = (
    *(425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442, 443, 452, 463, 466),
    *(467, 469),
)
"""io_uring (3), open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, pidfd_getfd,
process_madvise, mount_setattr, quotactl_fd, fchmodat2, setxattrat, removexattrat,
open_tree_attr, file_setattr."""

REFUSED = {
    # name: x86_64, aarch64
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "shmget": (29, 194),  # what it makes outlives the process, as do these two
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "fchmod": (91, 52),  # Landlock has nothing on marks of files
    "fchmodat": (268, 53),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "truncate": (76, 45),
    "setpriority": (141, 140),  # of the user's other processes too
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "setpgid": (109, 154),  # a process that leaves the group is not ended with it
    "setsid": (112, 157),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "personality": (135, 92),
    "vhangup": (153, 58),
}

X86_64_ONLY = (90, 92, 94, 132, 154, 172, 173, 235, 261)
"""chmod, chown, lchown, utime, modify_ldt, iopl, ioperm, utimes, futimesat."""

MACHINES = {
    "x86_64": Architecture(
        0xC000003E,
        *(317, 56, 302),
        refused=(*(x86 for x86, _ in REFUSED.values()), *SAME_EVERYWHERE, *X86_64_ONLY),
    ),
    "aarch64": Architecture(
        0xC00000B7,
        *(277, 220, 261),
        refused=(*(arm for _, arm in REFUSED.values()), *SAME_EVERYWHERE),
    ),
}


def restrict() -> None:
    """Refuse the calls from now on, in this process and all that it starts.

    It needs no_new_privs.

    Raises
    ------
    OSError
        This machine has no list here, or its kernel no filters.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise OSError(f"no list of the system calls of {platform.machine()}")
    instructions = b"".join(program(machine))
    content = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("HxxxxxxP", len(instructions) // 8, ctypes.addressof(content))
    call("syscall", machine.seccomp, SET_FILTER, ALL_THREADS, header)


def program(machine: Architecture) -> Iterator[bytes]:
    """Yield the instructions of the filter, 8 bytes each."""
    yield _step(LOAD, MACHINE)
    yield from _if(JUMP_EQUAL, machine.mark, otherwise=KILL)
    yield _step(LOAD, NUMBER)
    yield from _if(JUMP_GREATER_EQUAL, X32, then=REFUSE)
    for number in machine.refused:
        yield from _if(JUMP_EQUAL, number, then=REFUSE)
    yield from _if(JUMP_EQUAL, CLONE3, then=NOT_THERE)  # its flags stand in memory
    yield from _looked_at(machine.clone, JUMP_ANY_BIT, NEW_NAMESPACES, then=REFUSE)
    # of another process, 0 is this one
    yield from _looked_at(machine.prlimit, JUMP_EQUAL, 0, otherwise=REFUSE)
    yield _step(RETURN, ALLOW)


def _looked_at(number: int, jump: int, value: int, **returned: int) -> Iterator[bytes]:
    """Yield what returns, of one call, according to its first argument."""
    inside = [_step(LOAD, FIRST_ARGUMENT), *_if(jump, value, **returned)]
    inside.append(_step(RETURN, ALLOW))
    yield _step(JUMP_EQUAL, number, 0, len(inside))
    yield from inside


def _if(
    jump: int, value: int, *, then: int | None = None, otherwise: int | None = None
) -> Iterator[bytes]:
    """Yield what returns on one outcome and goes on with the other."""
    if then is not None:
        yield _step(jump, value, 0, 1)
        yield _step(RETURN, then)
    if otherwise is not None:
        yield _step(jump, value, 1, 0)
        yield _step(RETURN, otherwise)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
