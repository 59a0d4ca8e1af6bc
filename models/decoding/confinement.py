"""What a process gives up before its first picture: all but computing and answering.

A picture that takes a decoder over has what its process has. So there is nothing to have: no new
file or socket (`RLIMIT_NOFILE` 0), no program, no other process, not even by name or memory
(seccomp, of Linux, by numbers of what may be called; Documentation/userspace-api/seccomp_filter).
What is open stays so: the way to whoever asks. On other systems only the limits hold.
"""

import contextlib
import ctypes
import errno
import platform
import struct
import sys
from typing import Final

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

#: Of a machine, as Linux counts them (linux/audit.h).
_MACHINES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

#: What may be called, by its number on each of these machines (asm/unistd.h).
_ALLOWED: Final = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "mremap": (25, 216), "madvise": (28, 233),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128),
    "futex": (202, 98), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "set_robust_list": (273, 99), "rseq": (334, 293), "getpid": (39, 172), "gettid": (186, 178),
    "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "gettimeofday": (96, 169),
    "getrandom": (318, 278), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip

#: Threads, which some decoders start, and no processes. Of `clone3`, the same on all machines, a
#: filter cannot see which it is; where there is none, the C library takes `clone`.
_CLONE: Final = (56, 220)
_CLONE3: Final = 435
_CLONE_THREAD: Final = 0x10000

#: Instructions of the filter (linux/bpf_common.h), and what it ends in (linux/seccomp.h).
_LOAD, _EQUALS, _HAS_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000

#: Where a call's number, its machine and the low half of its first argument stand.
_NUMBER, _MACHINE, _FIRST = 0, 4, 16

_NO_NEW_PRIVILEGES, _SECCOMP, _BY_FILTER = 38, 22, 2  # linux/prctl.h


def limit(memory_bytes: int) -> None:
    """Limits memory, and gives up files of any kind; no open one is closed."""
    if resource:
        with contextlib.suppress(OSError, ValueError):  # macOS knows the limit, and refuses it
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        for nothing in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
            resource.setrlimit(nothing, (0, 0))


def give_up_the_system() -> bool:
    """Gives up whatever of the system is not computing; False where that cannot be had here."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    program = _filter(platform.machine())
    code = ctypes.create_string_buffer(program)
    # struct sock_fprog, with the gap that aligns its pointer
    told = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    prctl = ctypes.CDLL(None).prctl
    no = ctypes.c_ulong(0)
    if prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), no, no, no):
        return False
    return not prctl(_SECCOMP, ctypes.c_ulong(_BY_FILTER), told, no, no)


def _filter(machine: str) -> bytes:
    """The program that is asked about each call: struct sock_filter after struct sock_filter."""
    column = list(_MACHINES).index(machine)
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUALS, 1, 0, _MACHINES[machine]), (_RETURN, 0, 0, _KILL)]
    steps.append((_LOAD, 0, 0, _NUMBER))
    for numbers in _ALLOWED.values():
        steps += [(_EQUALS, 0, 1, numbers[column]), (_RETURN, 0, 0, _ALLOW)]
    steps += [(_EQUALS, 0, 1, _CLONE3), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    steps += [(_EQUALS, 0, 3, _CLONE[column]), (_LOAD, 0, 0, _FIRST)]
    steps += [(_HAS_BITS, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _FAIL | errno.EPERM))
    return b"".join(struct.pack("HBBI", *step) for step in steps)
