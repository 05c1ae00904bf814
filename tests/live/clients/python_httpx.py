"""httpx, HTTP/2 where the other side has it; a generator as a body."""
import ssl

import httpx

from life import CA, live

client = httpx.Client(http2=True, verify=ssl.create_default_context(cafile=CA),
                      trust_env=False)


def call(base, step):
    reply = client.request(step.method, base + step.path, headers=step.headers,
                           content=step.pieces() if step.streamed else step.body)
    version = reply.http_version.removeprefix("HTTP/").removesuffix(".0")
    return (reply.status_code, version, reply.headers.get("Content-Type"), reply.text)


live(call)
