"""confine.py UNIT WHAT:WHERE... - run the service of a systemd unit as systemd would.

A close imitation for machines where systemd is not the first process; needs root.  Every
line of [Service] is carried out, or stands in MOOT with the reason why it has nothing to
do here; a line that is in neither ends this.  WHAT:WHERE are bind mounts made first, so
that an installed prefix is where the unit expects it; the state folder is one of them.
"""
import ctypes
import os
import re
import resource
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

USER = 61184  # the first that DynamicUser= takes
CLONE_NEWNS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 0x20000, 24, 38
MOOT = {
    "ExecReload": "the test sends SIGHUP itself", "TimeoutStopSec": "the test waits",
    "Restart": "the test restarts", "RestartSec": "", "RestartPreventExitStatus": "",
    "SystemCallErrorNumber": "here a forbidden call kills, so that none goes unseen",
    "SystemCallArchitectures": "libseccomp's default",
    "RemoveIPC": "nothing outlives the test's user",
    "AmbientCapabilities": "none are given", "ProtectHostname": "without capabilities",
    "ProtectClock": "without capabilities", "ProtectKernelLogs": "without capabilities",
    "ProtectKernelModules": "without capabilities",
    "RestrictRealtime": "without capabilities", "PrivateUsers": "without capabilities",
    "LockPersonality": "", "PrivateMounts": "a mount namespace is made in any case",
    "StateDirectoryMode": "with StateDirectory",
}
libc = ctypes.CDLL(None, use_errno=True)


def unit_of(path):
    """[Service] of a unit: name -> its values."""
    service, section = {}, ""
    for line in Path(path).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            service.setdefault(name.strip(), []).append(value.strip())
    return service


def call(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(*argv):
    subprocess.run(["mount", *map(str, argv)], check=True)


def hide(*folders):
    for folder in folders:
        if os.path.isdir(folder):
            mount("-t", "tmpfs", "-o", "mode=0755", "hidden", folder)


# ---- what it sees

def bind(pairs):
    for pair in pairs:
        what, where = pair.split(":")
        parent = Path(where).parent
        mount("-t", "tmpfs", "-o", "mode=0755", "parent", parent)
        Path(where).mkdir()
        mount("--bind", what, where)


def state_directory(service):
    state = Path("/var/lib", service["StateDirectory"][0])
    os.chown(state, USER, USER)
    os.chmod(state, int(service["StateDirectoryMode"][0], 8))
    return state


def private_devices():
    aside = Path(tempfile.mkdtemp(dir="/run"))
    mount("-t", "tmpfs", "-o", "mode=0755", "dev", aside)
    for name in ("null", "zero", "full", "random", "urandom"):
        (aside / name).touch()
        mount("--bind", f"/dev/{name}", aside / name)
    mount("--move", aside, "/dev")
    aside.rmdir()


def read_only_but(*writable):
    points = [line.split()[4]
              for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted(set(points), key=len):
        if not point.startswith(("/proc", "/dev/", *map(str, writable))):
            mount("-o", "remount,bind,ro", point)


def filesystem(service, pairs):
    call(libc.unshare(CLONE_NEWNS), "unshare")
    mount("--make-rprivate", "/")
    bind(pairs)
    state = state_directory(service)
    private_devices()                      # PrivateDevices
    hide("/home", "/root", "/run/user")    # ProtectHome
    read_only_but(state)                   # ProtectSystem, ProtectKernelTunables, ...
    for folder in ("/tmp", "/var/tmp"):    # PrivateTmp
        mount("-t", "tmpfs", "-o", "mode=1777", "tmp", folder)
    mount("-t", "proc", "-o", "hidepid=invisible,subset=pid", "proc", "/proc")


# ---- what it may ask for

class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


EQUAL, MASKED_EQUAL = 4, 7
KILL, ALLOW, DENY = 0x80000000, 0x7fff0000, 0x00050000


class Filter:
    """A seccomp filter; rules for calls that this architecture does not have are left
    out."""

    def __init__(self, default):
        self.lib = ctypes.CDLL("libseccomp.so.2")
        self.lib.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.seccomp_init(ctypes.c_uint32(default)))

    def rule(self, action, name, *compares):
        number = self.lib.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            array = (Compare * len(compares))(*compares)
            result = self.lib.seccomp_rule_add_array(
                self.context, ctypes.c_uint32(action), number, len(compares), array)
            if result:
                raise OSError(-result, f"seccomp rule for {name}")

    def load(self):
        result = self.lib.seccomp_load(self.context)
        if result:
            raise OSError(-result, "seccomp_load")


def members(group):
    """Names of a set of system calls, sets in it opened."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True,
                          capture_output=True, text=True).stdout
    names = set()
    for name in re.findall(r"^    ([@\w-]+)$", said, re.M):
        names |= members(name) if name[0] == "@" else {name}
    return names


def allowed_calls(service):
    allowed = set()
    for value in service["SystemCallFilter"]:
        names = set()
        for word in value.lstrip("~").split():
            names |= members(word) if word[0] == "@" else {word}
        allowed = allowed - names if value[0] == "~" else allowed | names
    return allowed


def filters(service, allowed):
    calls = Filter(KILL)
    for name in sorted(allowed):
        calls.rule(ALLOW, name)
    finer = Filter(ALLOW)
    families = [getattr(socket, name)
                for name in service["RestrictAddressFamilies"][0].split()]
    for family in set(range(46)) - set(families):
        finer.rule(DENY | 97, "socket", Compare(0, EQUAL, family))
    finer.rule(DENY | 1, "mmap", Compare(2, MASKED_EQUAL, 6, 6))  # MemoryDenyWriteExecute
    for name in ("mprotect", "pkey_mprotect"):
        finer.rule(DENY | 1, name, Compare(2, MASKED_EQUAL, 4, 4))
    for name in ("unshare", "setns"):                             # RestrictNamespaces
        finer.rule(DENY | 1, name)
    for name in ("chmod", "fchmod"):                              # RestrictSUIDSGID
        finer.rule(DENY | 1, name, Compare(1, MASKED_EQUAL, 0o4000, 0o4000))
    return calls, finer


# ---- who it is

def limits(service):
    for name, what in (("LimitNOFILE", resource.RLIMIT_NOFILE),
                       ("LimitCORE", resource.RLIMIT_CORE)):
        hard = resource.getrlimit(what)[1]
        most = int(service[name][0])
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(what, (most, most))


def nobody():
    for capability in range(64):           # CapabilityBoundingSet=
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def environment(service):
    """Environment= and EnvironmentFile=, read as root."""
    lines = list(service.get("Environment", []))
    for path in service["EnvironmentFile"]:
        lines += Path(path).read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and line[0] != "#")
    return {"PATH": "/usr/bin:/bin"} | {name: value for name, _, value in pairs}


EXPECTED = {
    "CapabilityBoundingSet": "", "NoNewPrivileges": "yes",
    "MemoryDenyWriteExecute": "yes", "PrivateDevices": "yes", "PrivateTmp": "yes",
    "ProcSubset": "pid", "ProtectProc": "invisible", "ProtectControlGroups": "yes",
    "ProtectHome": "yes", "ProtectKernelTunables": "yes", "ProtectSystem": "strict",
    "RestrictNamespaces": "yes", "RestrictSUIDSGID": "yes", "DynamicUser": "yes",
}
READ = {"ExecStart", "EnvironmentFile", "Environment", "LimitNOFILE", "LimitCORE",
        "StateDirectory", "UMask", "RestrictAddressFamilies", "SystemCallFilter"}


def main(unit, pairs):
    service = unit_of(unit)
    unknown = set(service) - set(MOOT) - set(EXPECTED) - READ
    other = {name for name, value in EXPECTED.items()
             if service.get(name, ["no"]) != [value]}
    if unknown or other:
        sys.exit(f"confine: not imitated: {unknown}, expected otherwise: {other}")
    calls, finer = filters(service, allowed_calls(service))
    filesystem(service, pairs)
    env = environment(service)
    limits(service)
    os.umask(int(service["UMask"][0], 8))
    os.chdir("/")
    nobody()
    finer.load()
    calls.load()
    argv = shlex.split(service["ExecStart"][0])
    os.execve(argv[0], argv, env)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
