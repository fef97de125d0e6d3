"""doc/ADMIN.md says what the code does: every option and reply of its chapters is in it, as it is, and it names none that is not.
Needs programs, but no running suite."""
import os
import pathlib
import re
import subprocess

import pytest

from lab import ROOT

BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD") or ROOT / "build" / "release")
GUIDE = (ROOT / "doc" / "ADMIN.md").read_text()
SECTIONS = {"smtp", "lmtp", "tls", "auth", "policy", "srs", "outbound", "dns", "fetch", "bounce", "queue"}   # of postern.yaml: those the chapters cover whole
ANY = "…"                                                     # a text that is made when it is said

REPLY = re.compile(r'\{\s*([2-5]\d\d),\s*(?:"(\d\.\d+\.\d+)"|\{\}),\s*(?:"([^"]*)"|[\w.]+)')
LINES = re.compile(r'write_lines\(\w+, ([2-5]\d\d), (?:"(\d\.\d+\.\d+)"|\{\}), ')
BARE = re.compile(r'"([2-5]\d\d) "')
NUMBER = re.compile(r"[{(]\s*[2-5]\d\d,|\bcode = [2-5]\d\d\b")   # begins a reply, whatever follows


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in (".cc", ".h"):
                yield path, re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)


def tables():
    """The cells of every row of a table."""
    for line in GUIDE.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("| ").split(" | ")]


def code(cell):
    """What stands in backticks alone in a cell."""
    found = re.fullmatch(r"`([^`]*)`", cell)
    return found and found[1]


@pytest.fixture(scope="module")
def options():
    """Of the program itself: key to (values, default)."""
    printed = subprocess.run([BUILD / "libexec" / "postern" / "config", "--options"], check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in printed.splitlines()]
    return {key: (values, default) for key, values, default, _ in rows}


def replies():
    """Of smtpd's sources: (code, enhanced code, text). A reply is written one way only: {code, "status", "text"}."""
    for path, text in sources("smtpd"):
        for found in REPLY.finditer(text):
            yield found[1], found[2] or "", ANY if found[3] is None else found[3]
        assert not NUMBER.search(REPLY.sub("", LINES.sub("", text))), f"{path}: a reply this test cannot read"
        for found in LINES.finditer(text):
            yield found[1], found[2] or "", ANY
        for found in BARE.finditer(text):
            yield found[1], "", ANY


def replies_in_guide():
    for cells in tables():
        found = re.fullmatch(r"([2-5]\d\d) (?:(\d\.\d+\.\d+) )?(.+)", code(cells[0]) or "")
        if found:
            yield found[1], found[2] or "", found[3]


def test_every_option_is_there_as_the_program_has_it(options):
    told = [(code(cells[0]), cells[1], "" if cells[2] == "*empty*" else cells[2]) for cells in tables() if code(cells[0]) in options]
    assert sorted(told) == sorted((key, *row) for key, row in options.items() if key.partition(".")[0] in SECTIONS)


def test_every_reply_is_there_and_no_other():
    told, given = sorted(replies_in_guide()), sorted(set(replies()))
    assert len(given) > 90                                    # it did read them
    assert told == given


def test_every_reason_of_the_queue_is_there():
    text = (ROOT / "qmgr" / "service.cc").read_text()
    reasons = re.findall(r'refuse\(\*in, SubmitStatus::\w+, "([^"]+)"\)', text)
    assert len(reasons) >= 4
    assert [reason for reason in reasons if f"`{reason}`" not in GUIDE] == []


def test_what_it_names_exists(options):
    """Whatever looks like an option, an event or a counter."""
    code_text = "\n".join(text for _, text in sources("smtpd", "policyd", "authd", "qmgr", "keyd", "libcommon", "libtls", "master", "delivery", "resolvd",
                                                       "fetch", "tlspolicyd"))
    names = set(re.findall(r"`([a-z]+(?:\.[a-z_0-9]+)+|[a-z]+(?:_[a-z]+)+(?:_total)?)`", GUIDE))
    assert len(names) > 100
    files = {"postern.log", "reputation.db", "accounts.db", "postern.yaml"}
    known = {name for name in names if name in options or f'"{name}"' in code_text or name in files}
    assert sorted(names - known) == []
    for name, label, value in re.findall(r'`([a-z_]+)\{([a-z]+)="([^"]+)"\}`', GUIDE):
        assert f'"{name}"' in code_text and (f'{label}=\\"{value}\\"' in code_text or f'"{value}"' in code_text), (name, value)


def test_commands_exist():
    table = (ROOT / "mailctl" / "command.cc").read_text()
    verbs = set(re.findall(r'^    \{"([a-z][a-z -]+)", "[^"]*", "', table, flags=re.M))
    known = set(re.findall(r'"(--[a-z0-9-]+)"', table)) | {"--json", "--config", "--socket"}
    named = re.findall(r"(?:^|[`|] ?)mailctl ([^`\n|]+)", GUIDE, flags=re.M)
    assert len(named) > 40
    for words in map(str.split, named):
        verb = " ".join(words[:2]) if " ".join(words[:2]) in verbs else words[0]
        assert verb in verbs, words
        assert {word for word in words if word.startswith("--")} <= known, words


def test_examples_are_configurations():
    examples = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.S)
    assert len(examples) > 3
    for example in examples:
        read = subprocess.run([BUILD / "libexec" / "postern" / "config", "--name", "example", "--text"], input=example, text=True,
                              capture_output=True, env={})
        assert (read.returncode, read.stderr) == (0, ""), example
