"""A scriptable HTTPS server for tests: the policy host of MTA-STS, which answers as it is told.

    with PolicyHost(address, port, certificate.tls, policy("enforce", ["mx.example.test"])) as host:
        ...
        host.answer = respond("", code=404)         # while it runs
        assert host.requests == ["GET /.well-known/mta-sts.txt HTTP/1.1"]

An answer is octets, or a function of the connection, which may take its time.
"""
import contextlib
import socket
import ssl
import threading


def respond(body, code=200, kind="text/plain", headers=()):
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *([f"Content-Type: {kind}"] if kind else []), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def policy(mode, mx, max_age=86400, end="\r\n"):
    return respond(end.join(["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in mx), f"max_age: {max_age}", ""]))


class PolicyHost:
    def __init__(self, address, port, tls, answer):
        self.tls, self.answer, self.requests, self.heads = tls, answer, [], []
        self.stopping = threading.Event()
        self.changed = threading.Condition()
        self.listener = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def wait_for_requests(self, count, seconds=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, seconds), f"{len(self.requests)} of {count} requests"

    def accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            connection.settimeout(30)
            with self.tls.wrap_socket(connection, server_side=True) as stream:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = stream.recv(4096)
                    if not more:
                        return
                    head += more
                with self.changed:
                    self.heads.append(head.decode())
                    self.requests.append(head.split(b"\r\n", 1)[0].decode())
                    self.changed.notify_all()
                if callable(self.answer):
                    self.answer(stream, self.stopping)
                else:
                    stream.sendall(self.answer)
