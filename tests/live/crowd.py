"""crowd.py PORT SIZE - slow connections from many addresses of loopback, until stdin
ends.

Each sends a byte of a request about every two seconds; whoever is answered or cut comes
again.  Prints a line when all are there, and at the end how they were answered, as JSON.
"""
import json
import resource
import select
import socket
import sys
import time

REQUEST = b"GET /openapi.yaml HTTP/1.1\r\nHost: gate\r\nX-Slow: " + b"y" * 200 + \
    b"\r\n\r\n"
EVERY_S, STEPS = 2.0, 100


class Slow:
    def __init__(self, port, number):
        self.to, self.number = ("127.0.0.1", port), number
        self.dial()

    def dial(self):
        self.socket = socket.socket()
        self.socket.bind((f"127.0.{1 + self.number // 250 % 250}.{1 + self.number % 250}",
                          0))
        self.socket.connect(self.to)
        self.socket.setblocking(False)
        self.sent = self.socket.send(REQUEST[:1])

    def step(self):
        """None, or the status with which it was answered: "cut" when with none."""
        try:
            answer = self.socket.recv(64)
        except BlockingIOError:
            self.sent += self.socket.send(REQUEST[self.sent:self.sent + 1])
            return None
        except OSError:
            answer = b""
        self.socket.close()
        self.dial()
        return answer[9:12].decode() or "cut"


def main(port, size):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    everybody, answers, turn = [Slow(port, n) for n in range(size)], {}, 0
    print(size, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        next_step = time.monotonic() + EVERY_S / STEPS
        for slow in everybody[turn % STEPS::STEPS]:
            status = slow.step()
            if status:
                answers[status] = answers.get(status, 0) + 1
        turn += 1
        select.select([sys.stdin], [], [], max(0, next_step - time.monotonic()))
    print(json.dumps(answers))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
