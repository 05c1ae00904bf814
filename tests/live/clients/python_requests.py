"""requests: a session, a generator as a body."""
import requests

from life import CA, live

session = requests.Session()
session.trust_env, session.verify = False, CA


def call(base, step):
    reply = session.request(step.method, base + step.path, headers=step.headers,
                            data=step.pieces() if step.streamed else step.body)
    return (reply.status_code, reply.raw.version / 10, reply.headers.get("Content-Type"),
            reply.text)


live(call)
