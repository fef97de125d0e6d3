"""Sends one message through submission (STARTTLS, AUTH) while the reader waits for it with IMAP IDLE, and shows it."""
import argparse
import email
import email.message
import email.utils
import imaplib
import smtplib
import ssl
import sys

IDLE_SECONDS = 30


def wait_by_idle(imap, known):
    """RFC 2177: returns when EXISTS says more than `known` messages are there."""
    tag = imap._new_tag()
    imap.send(tag + b" IDLE\r\n")
    imap.sock.settimeout(IDLE_SECONDS)
    try:
        while True:
            line = imap.readline()
            if not line:
                raise ConnectionError("the server closed the connection during IDLE")
            words = line.split()
            if line.startswith(b"+"):
                yield "idling"
            elif len(words) == 3 and words[2].upper() == b"EXISTS" and int(words[1]) > known:
                break
    finally:
        imap.send(b"DONE\r\n")
        while not imap.readline().startswith(tag):
            pass
    yield "arrived"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=int, required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--sender", nargs=2, required=True, metavar=("ADDRESS", "PASSWORD"))
    parser.add_argument("--reader", nargs=2, required=True, metavar=("ADDRESS", "PASSWORD"))
    words = parser.parse_args()
    tls = ssl.create_default_context(cafile=words.cert)

    imap = imaplib.IMAP4_SSL("127.0.0.1", words.base + 993, ssl_context=tls)
    imap.login(*words.reader)
    known = int(imap.select("INBOX")[1][0])
    print(f"{words.reader[0]} reads INBOX: {known} messages; IDLE")
    waiting = wait_by_idle(imap, known)
    next(waiting)

    message = email.message.EmailMessage()
    message["From"], message["To"] = words.sender[0], words.reader[0]
    message["Subject"] = "The suite stands"
    message["Date"], message["Message-ID"] = email.utils.localtime(), email.utils.make_msgid(domain="demo.test")
    message.set_content("This message went through every stage of Postern.\n")
    with smtplib.SMTP("127.0.0.1", words.base + 587) as smtp:
        smtp.starttls(context=tls)
        smtp.login(*words.sender)
        smtp.send_message(message)
    print(f"{words.sender[0]} sent it by submission with TLS and AUTH")

    next(waiting)
    print("IDLE says it is there:\n")
    found = imap.search(None, "HEADER", "Message-ID", message["Message-ID"].strip("<>"))[1][0].split()
    if len(found) != 1:
        sys.exit(f"expected one message, found {len(found)}")
    body = imap.fetch(found[0], "(BODY[])")[1][0][1]
    print("\n".join("    " + line for line in body.decode().splitlines()))
    if email.message_from_bytes(body)["Message-ID"] != message["Message-ID"]:
        sys.exit("it is another message")
    imap.logout()


if __name__ == "__main__":
    main()
