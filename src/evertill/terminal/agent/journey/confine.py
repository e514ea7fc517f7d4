"""Become another program under restraint: `confine.py PARENT [--gentle] [--alone] -- COMMAND…`

Always: killed by the kernel when the agent (PARENT) dies. --gentle: nice 19 and idle I/O, for what runs beside a selling till.
--alone: a network namespace with nobody in it; where the kernel refuses that, exit 75 and start nothing.
A script of its own, run with -S: it lives for milliseconds before it is replaced, and imports no package.
Sources: prctl(2) PR_SET_PDEATHSIG; ioprio_set(2); unshare(2), user_namespaces(7).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314}
IOPRIO_WHO_PROCESS, IOPRIO_IDLE = 1, 3 << 13
EXIT_NOT_ALONE = 75

libc = ctypes.CDLL(None, use_errno=True)


def be_gentle() -> None:
    os.nice(19)
    number = IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        libc.syscall(number, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE)


def be_alone() -> bool:
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) == 0:
        return True
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    # The same ids inside as outside, or the program would not know its own files.
    for name, content in (("uid_map", f"{uid} {uid} 1"), ("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib costs more than all of this
            file.write(content)
    return True


def main(parent: int, how: list[str], command: list[str]) -> None:
    if "--alone" in how and not be_alone():
        sys.exit(EXIT_NOT_ALONE)
    if "--gentle" in how:
        be_gentle()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(EXIT_NOT_ALONE)  # it died before we could be tied to it
    os.execv(command[0], command)  # noqa: S606 - a list, no shell


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :])
