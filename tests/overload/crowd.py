"""Many connections that do next to nothing, from 200 loopback addresses, held by a process of their own."""
import contextlib
import multiprocessing
import select
import socket
import time

ADDRESSES = [f"127.3.{n // 100}.{n % 100 + 1}" for n in range(200)]
AT_ONCE = 200           # connections on their way, well below a listener's backlog


class Crowd:
    """with Crowd(port, size) as crowd: ...  `opening`: what each says after the greeting. `trickle`: a byte that each
    sends every `period` seconds after that. crowd.open and crowd.ended count connections."""

    def __init__(self, port, size, opening=b"", trickle=b"", period=10.0):
        self.port, self.size, self.opening, self.trickle, self.period = port, size, opening, trickle, period
        self.numbers = multiprocessing.Array("q", 3)
        self.stop = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.run, daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.process.join(60)
        if self.process.is_alive():
            self.process.kill()

    @property
    def greeted(self):
        return self.numbers[0]

    @property
    def ended(self):
        return self.numbers[1]

    @property
    def open(self):
        return self.numbers[0] - self.numbers[1]

    def run(self):
        self.poll = select.epoll()
        self.sockets = {}
        self.silent = set()             # those that wait for their greeting
        made, due = 0, time.monotonic() + self.period
        while not self.stop.is_set():
            while made < self.size and len(self.silent) < AT_ONCE:
                self.add(ADDRESSES[made % len(ADDRESSES)])
                made += 1
            for number, _ in self.poll.poll(0.05, 1000):
                self.hear(number)
            if self.trickle and time.monotonic() >= due:
                due += self.period
                for number in set(self.sockets) - self.silent:
                    with contextlib.suppress(OSError):
                        self.sockets[number].send(self.trickle)
        for connection in self.sockets.values():
            connection.close()

    def add(self, address):
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind((address, 0))
        with contextlib.suppress(BlockingIOError):
            connection.connect(("127.0.0.1", self.port))
        self.sockets[connection.fileno()] = connection
        self.silent.add(connection.fileno())
        self.poll.register(connection.fileno(), select.EPOLLIN)

    def hear(self, number):
        connection = self.sockets[number]
        try:
            words = connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        if not words:
            self.poll.unregister(number)
            connection.close()
            del self.sockets[number]
            if number in self.silent:
                self.silent.discard(number)
                self.numbers[2] += 1
            else:
                self.numbers[1] += 1
        elif number in self.silent:
            self.silent.discard(number)
            self.numbers[0] += 1
            with contextlib.suppress(OSError):
                connection.send(self.opening)
