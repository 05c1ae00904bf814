"""Python's own http.client: one connection an address, an iterable as a body."""
import http.client
import ssl
from urllib.parse import urlsplit

from life import CA, live

connections = {}


def connect(base):
    at = urlsplit(base)
    if at.scheme == "http":
        return http.client.HTTPConnection(at.netloc)
    return http.client.HTTPSConnection(at.netloc,
                                       context=ssl.create_default_context(cafile=CA))


def call(base, step):
    connection = connections.get(base) or connections.setdefault(base, connect(base))
    connection.request(step.method, step.path, headers=step.headers,
                       body=step.pieces() if step.streamed else step.body)
    reply = connection.getresponse()
    text = reply.read().decode()
    if reply.status == 413:
        connection.close()  # nginx keeps it in words, then ends it over the unread body
    return reply.status, reply.version / 10, reply.getheader("Content-Type"), text


live(call)
