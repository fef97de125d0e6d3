"""F2, G3 and G4: handshakes and logins by the hundred."""
import base64
import contextlib
import math
import multiprocessing
import random
import socket
import ssl
import statistics
import threading
import time

from crowd import ADDRESSES
from honest import Honest, percentile
from test_smtp_abuse import Wire

STRANGERS = "policy.untrusted_networks=127.3.0.0/16"


def shake_hands(port, first, rate, seconds, done):
    """Implicit TLS, whole handshakes without tickets, `rate` of them a second or as many as go."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    began = time.monotonic()
    for number in range(rate * seconds):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if time.monotonic() > began + seconds:
            break
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", port), 10, (ADDRESSES[(first + number) % 200], 0)) as plain:
            with context.wrap_socket(plain):
                with done.get_lock():
                    done.value += 1


def test_a_flood_of_handshakes(start, figure, seconds):
    rate, length = 250, seconds(10, 60)
    instance = start(STRANGERS, "policy.greet_delay=0", "policy.client_connections=off")
    done = multiprocessing.Value("q", 0)
    floods = [multiprocessing.Process(target=shake_hands, args=(instance.port("submissions"), 100 * n, rate, length, done))
              for n in range(2)]
    with Honest(instance) as clients:
        for flood in floods:
            flood.start()
        for flood in floods:
            flood.join(length + 30)
    figure("F2", f"handshakes a second, of {2 * rate} tried", done.value / length)
    figure("F2", "honest p99 meanwhile, s", clients.p99, "<= 1")
    assert clients.failures == [] and clients.p99 <= 1 and done.value > 0


class Submission(Wire):
    def __init__(self, instance, address="127.0.0.1"):
        plain = socket.create_connection(("127.0.0.1", instance.port("submissions")), 30, (address, 0))
        self.socket, self.buffer = instance.tls().wrap_socket(plain, server_hostname="localhost"), b""
        self.reply()
        self.talk(b"EHLO client.example")

    def log_in(self, user, password):
        """The code, empty when the server hung up, and how long it took."""
        word = base64.b64encode(b"\0" + user.encode() + b"\0" + password.encode())
        began = time.monotonic()
        try:
            (reply,) = self.talk(b"AUTH PLAIN " + word)
        except OSError:
            reply = b""
        return reply[:3], time.monotonic() - began


def mann_whitney(left, right):
    """Two-sided p of the hypothesis that both come from one distribution; the normal approximation, n is in the hundreds."""
    ranked = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side == 0)
    u = ranks - len(left) * (len(left) + 1) / 2
    mean, deviation = len(left) * len(right) / 2, math.sqrt(len(left) * len(right) * (len(left) + len(right) + 1) / 12)
    return math.erfc(abs(u - mean) / deviation / math.sqrt(2))


def test_an_unknown_name_takes_as_long_as_a_wrong_password(start, figure):
    instance = start()
    times = {"known": [], "unknown": []}
    for number in range(500):
        names = [("known", f"u{number % 40 + 1:04d}"), ("unknown", f"x{number % 40 + 1:04d}")]
        for kind, name in names[::random.choice((1, -1))]:
            connection = Submission(instance)
            code, took = connection.log_in(f"{name}@lab.test", f"wrong-{number}")
            connection.socket.close()
            assert code == b"535"
            times[kind].append(took)
    apart = abs(statistics.median(times["known"]) - statistics.median(times["unknown"])) * 1000
    p = mann_whitney(times["known"], times["unknown"])
    figure("G3", "medians of 500 denied logins each, ms apart", apart, "< 1")
    figure("G3", "Mann-Whitney p, known against unknown names", p, "> 0.05; one in twenty is below by chance")
    assert apart < 1 and p > 0.001


def test_guessing_on_one_connection(start, figure, seconds):
    instance = start(STRANGERS, "policy.greet_delay=0")
    stop, waited = threading.Event(), []

    def others():
        while not stop.is_set():
            user = instance.user(len(waited) % 39 + 2)
            connection = Submission(instance)
            code, took = connection.log_in(user.address, user.password)
            connection.socket.close()
            waited.append(took if code == b"235" else math.inf)

    thread = threading.Thread(target=others)
    thread.start()
    tries, delays = 0, []
    connection = Submission(instance, "127.3.0.9")
    while tries < 100:
        code, took = connection.log_in("u0001@lab.test", f"guess-{tries}")
        if code != b"535":
            break
        tries += 1
        delays.append(took)
    stop.set()
    thread.join(60)
    figure("G4", "guesses before one connection is cut", tries, "<= 10")
    figure("G4", "the last answer came after, s", delays[-1])
    figure("G4", "logins of others: p99 meanwhile, s", percentile(waited, 0.99))
    assert tries <= 10 and delays == sorted(delays) and delays[-1] >= 2
    assert percentile(waited, 0.99) < 1
