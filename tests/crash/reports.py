"""Delivery reports in a mailbox, as a sender of the load reads them: which message, which recipients."""
import dataclasses
import email
import re

from load import HEADER, files_in, header_of, read_back


@dataclasses.dataclass(frozen=True)
class Report:
    name: str
    recipients: list
    whole: bool                 # failed is said of each, and what comes back is what was sent


def reports_in(maildir):
    return [read_report(path.read_bytes()) for path in files_in(maildir)]


def read_report(kept: bytes):
    report = email.message_from_bytes(kept)
    assert report.get_content_type() == "multipart/report", kept
    _, status, returned = report.get_payload()
    name, whole = read_returned(kept, report.get_boundary().encode(), returned.get_content_type())
    _, *groups = status.get_payload()
    return Report(name, [group["Final-Recipient"].partition(";")[2].strip() for group in groups],
                  whole and all(group["Action"] == "failed" for group in groups))


def read_returned(kept, boundary, kind):
    """From the octets between the boundaries, of which a parser would make its own."""
    part = kept.split(b"\r\n--" + boundary)[3]
    if kind == "message/rfc822":
        return read_back(part)
    name, digest = re.search(rb"^" + HEADER.encode() + rb": (\S+) ([0-9a-f]{64})\r?$", part, re.MULTILINE).groups()
    return name.decode(), header_of(name.decode(), digest.decode()).strip().encode() in part
