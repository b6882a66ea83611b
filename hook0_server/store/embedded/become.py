"""A program, run by its path: becomes a user PostgreSQL accepts, ties its life to its parent's, and becomes a command.

Usage: `python -I -S become.py PARENT_PID DEATH_SIGNAL USER DIRECTORY COMMAND [ARGUMENT ...]`. USER is `self`,
`mapped:UID` (a user namespace in which the caller appears as UID) or `UID:GID`. DIRECTORY is where COMMAND works.

It is a program and not a hook between fork and exec because the server has threads (gRPC's among them), and a lock one
of those holds at the fork would stay locked in the child for ever. Linux; on macOS only `self` works, and nothing ties
the child to its parent.
"""

import ctypes
import os
import signal
import sys

# The numbers are the kernel's: prctl.h, securebits.h, capability.h and sched.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
_CLONE_NEWUSER = 0x10000000

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    """Never returns: the process is COMMAND afterwards, or ends with status 1 and one sentence on stderr."""
    parent, death_signal, user, directory, *command = arguments
    # Python's own handler would only note the signal, and exec would forget the note.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        _become(user, command[0], directory)
        die_with(int(parent), int(death_signal))
        os.execv(command[0], command)  # noqa: S606  no shell is wanted here
    except OSError as error:
        sys.exit(f"cannot run {command[0]} as {user} in {directory}: {error}")


def _become(user: str, program: str, directory: str) -> None:
    if user == "self":
        return
    kind, _, number = user.partition(":")
    if kind == "mapped":
        _map_user(int(number), program, directory)
    else:
        _drop_to(int(kind), int(number), program, directory)


def _map_user(uid: int, program: str, directory: str) -> None:
    """Root keeps its own files and is called `uid`; what it may do to the files of others is gone."""
    outside = os.geteuid()
    _check(_libc.unshare(_CLONE_NEWUSER))
    with open("/proc/self/uid_map", "w") as uid_map:  # noqa: PTH123  pathlib would double the start time
        uid_map.write(f"{uid} {outside} 1")
    if not _reachable(program, directory):
        raise PermissionError("out of reach inside a user namespace")


def _drop_to(uid: int, gid: int, program: str, directory: str) -> None:
    """Root becomes `uid`; when that user cannot get to its files, it keeps the one capability that opens the way.

    The alternative is to change the mode of every parent directory, which is not ours to do. The secure bit is for
    access(2), with which PostgreSQL looks for its own program: it would ignore the capability otherwise.
    """
    keeps_capabilities = _libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if not keeps_capabilities:
        return
    override = 1 << _CAP_DAC_OVERRIDE
    _set_capabilities(0, override, 0)
    if _reachable(program, directory):
        _set_capabilities(0, 0, 0)
        return
    _set_capabilities(override, override, override)
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0))


def _reachable(program: str, directory: str) -> bool:
    return os.access(program, os.X_OK) and os.access(directory, os.X_OK)


def _set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)(effective, permitted, inheritable, 0, 0, 0)))


def die_with(parent: int, death_signal: int) -> None:
    """Ask the kernel for this signal when the parent ends (Linux), after any change of user, which clears the request.

    The thread that made this process counts as the parent. Ends this process where the parent is gone already.
    """
    if sys.platform == "linux":
        _check(_libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:
        sys.exit("the process that asked for this one is gone")


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main(sys.argv[1:])
