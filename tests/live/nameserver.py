"""A nameserver on loopback, and processes that see it as the machine's."""
import socket
import struct
import subprocess
import threading
import time

KINDS = {1: ("A", socket.AF_INET), 28: ("AAAA", socket.AF_INET6)}


class Resolver:
    """records: {(name, "A" or "AAAA"): an address, or a list of them}; what is not there
    does not exist, and a name without addresses has []; None: nothing is answered.  They
    may be changed at any time.  Each answer comes `delay` seconds late."""

    def __init__(self, records, folder, address="127.0.0.1", port=0):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((address, port))
        self.records, self.asked, self.delay = records, [], 0.0
        self.conf = folder / "resolv.conf"
        suffix = "" if port == 53 else f":{self.s.getsockname()[1]}"
        self.conf.write_text(f"nameserver {address}{suffix}\n")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            query, client = self.s.recvfrom(4096)
            if not query:  # of __exit__
                return
            if self.records is not None:
                threading.Thread(target=self.answer, args=(query, client),
                                 daemon=True).start()

    def answer(self, query, client):
        time.sleep(self.delay)  # a slow nameserver is what is tried
        try:
            self.s.sendto(self.reply(query), client)
        except OSError:
            pass

    def reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack_from("!H", query, at + 1)[0]
        question = query[12:at + 5]
        text, family = KINDS.get(kind, ("other", None))
        name = ".".join(labels).lower()
        self.asked.append((name, text))
        known = any(n == name for n, _ in self.records)
        found = self.records.get((name, text), [])
        found = [found] if isinstance(found, str) else found
        head = query[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1,
                                       len(found), 0, 0)
        data = [socket.inet_pton(family, address) for address in found]
        return head + question + b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(d)) + d for d in data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.sendto(b"", self.s.getsockname())
        self.thread.join(10)
        self.s.close()


def may_replace_names():
    """Whether this process may give a child its own /etc/resolv.conf."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True,
                          check=False).returncode == 0


def seeing(resolver, hosts, *argv):
    """argv, run where the machine's nameserver and hosts file are these."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts'
            ' && shift 2 && exec "$@"', "sh", resolver.conf, hosts, *argv]
