"""The load generator of ../shared/bench, used in place: accepted messages a second as fast as sessions can go."""
import json
import os
import pathlib
import subprocess

SHARED = pathlib.Path(os.environ.get("SHARED_ROOM", pathlib.Path(__file__).resolve().parents[3] / "shared")) / "bench"


def build(directory):
    program = pathlib.Path(directory) / "smtp_load"
    subprocess.run(["cc", "-O2", "-o", program, SHARED / "smtp_load.c", "-lssl", "-lcrypto"], check=True)
    return program


def command(program, instance, sessions, messages, users=40, size=4096, seconds=600, domain="lab.test"):
    return [str(word) for word in (program, "-h", "127.0.0.1", "-p", instance.port("smtp"), "-s", sessions, "-m", messages,
                                   "-l", size, "-u", users, "-t", seconds, "-D", domain)]


def run(program, instance, sessions, messages, **more):
    """{"sent": acknowledged, "failed": ..., "secs": ..., "accept_ms": {"p50", "p99", "max"}, ...}"""
    done = subprocess.run(command(program, instance, sessions, messages, **more), capture_output=True, text=True, timeout=660)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
