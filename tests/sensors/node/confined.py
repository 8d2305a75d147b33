"""Runs a program under the system call filter of a systemd unit: ``python confined.py CALLS FAMILIES PROGRAM ...``.

CALLS and FAMILIES are numbers of what is allowed, comma-separated; everything else fails with EPERM, as
``SystemCallErrorNumber=`` has it.  libseccomp is the library that systemd itself uses.
"""

from __future__ import annotations

import ctypes
import os
import sys

ALLOW, REFUSE, EQUAL = 0x7FFF0000, 0x00050000 | 1, 4


class Compare(ctypes.Structure):
    """``struct scmp_arg_cmp`` of seccomp.h."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def confine(calls: list[str], families: list[int]) -> None:
    """Allow these system calls and families of sockets, and nothing else, from now on."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(REFUSE)))
    socket = library.seccomp_syscall_resolve_name(b"socket")
    for name in calls:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and number != socket:  # negative: this processor has no such call
            assert library.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
    for family in families:
        wanted = Compare(0, EQUAL, family, 0)
        assert library.seccomp_rule_add_array(context, ALLOW, socket, 1, ctypes.byref(wanted)) == 0
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(sys.argv[1].split(","), [int(family) for family in sys.argv[2].split(",")])
    os.execv(sys.argv[3], sys.argv[3:])
