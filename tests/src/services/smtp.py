"""A real mail server (aiosmtpd) for tests, which writes what it receives into a folder and does what is asked of it.

    python smtp.py FOLDER [--tls none|starttls|implicit] [--certificate PEM --key PEM] [--login USER PASSWORD]
                          [--hang connect|mail|rcpt|data] [--refuse PATTERN CODE TEXT]... [--greeting TEXT] [--port PORT]

It listens on a port of 127.0.0.1, by default a free one, and prints `PORT <number>` when it does. Every mail becomes two files, NNNNNN.eml with
its bytes and NNNNNN.json with what Python's own parser (`email`) makes of it and who it was for; the second appears only
when it is whole. `--refuse` answers an address of which PATTERN is a part, as sender or recipient; with the pattern `DATA`
the content, with `DATA TEXT` a content of which TEXT is a part. The behaviour can be changed while it runs: a file `behaviour.json` in FOLDER, `{"refuse": [[...]], "hang": ...}`,
is read before every command. One line per connection goes to `connections.log`.
"""

import argparse
import asyncio
import email
import email.policy
import json
import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

HANG_SECONDS = 3600


class Handler:
    """Takes mails, or does not."""

    def __init__(self, folder, arguments):
        self.folder = folder
        self.arguments = arguments
        self.count = 0

    def behaviour(self):
        file = self.folder / "behaviour.json"
        said = json.loads(file.read_text()) if file.exists() else {}
        return said.get("hang", self.arguments.hang), said.get("refuse", self.arguments.refuse)

    async def answer(self, step, what):
        hang, refuse = self.behaviour()
        if hang == step:
            await asyncio.sleep(HANG_SECONDS)
        for pattern, code, text in refuse:
            is_about_content = pattern.startswith("DATA")
            if is_about_content == (step == "data") and pattern.removeprefix("DATA").strip() in what:
                return f"{code} {text}"
        return None

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = await self.answer("mail", address)
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = await self.answer("rcpt", address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refusal = await self.answer("data", envelope.content.decode("utf-8", "replace"))
        if refusal:
            return refusal
        self.count += 1
        name = f"{self.count:06}"
        (self.folder / f"{name}.eml").write_bytes(envelope.content)
        parsed = parse(envelope.content)
        parsed |= {
            "envelope_from": envelope.mail_from,
            "envelope_to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "login": session.auth_data.login.decode() if session.authenticated else None,
            "tls": session.ssl is not None or self.arguments.tls == "implicit",
            "peer": session.peer[1],
            "received": time.time(),
        }
        part = self.folder / f"{name}.part"
        part.write_text(json.dumps(parsed))
        part.rename(self.folder / f"{name}.json")
        return "250 taken"

    async def handle_exception(self, error):
        print(f"error: {error!r}", file=sys.stderr, flush=True)
        return "451 the test server failed"


def parse(content):
    mail = email.message_from_bytes(content, policy=email.policy.default)
    parts = {part.get_content_type(): part for part in mail.walk() if not part.is_multipart()}
    return {
        "type": mail.get_content_type(),
        "headers": [[name, str(value)] for name, value in mail.items()],
        "defects": [repr(defect) for part in mail.walk() for defect in part.defects],
        "header_defects": [repr(defect) for value in mail.values() for defect in getattr(value, "defects", [])],
        "order": [part.get_content_type() for part in mail.walk()],
        "text": parts["text/plain"].get_content() if "text/plain" in parts else None,
        "html": parts["text/html"].get_content() if "text/html" in parts else None,
        "longest_line": max((len(line) for line in content.split(b"\r\n")), default=0),
        "is_ascii": content.isascii(),
    }


class Server(SMTP):
    """Notes its connections, and greets late where it hangs."""

    async def _handle_client(self):
        hang, _ = self.event_handler.behaviour()
        with (self.event_handler.folder / "connections.log").open("a") as log:
            log.write(f"{self.session.peer[1]}\n")
        if hang == "connect":
            await asyncio.sleep(HANG_SECONDS)
        await super()._handle_client()


def authenticator(login):
    def authenticate(server, session, envelope, mechanism, data):
        is_right = [data.login.decode(), data.password.decode()] == login
        return AuthResult(success=is_right, handled=False, auth_data=data if is_right else None)

    return authenticate


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login", nargs=2)
    parser.add_argument("--hang", choices=["connect", "mail", "rcpt", "data"])
    parser.add_argument("--refuse", nargs=3, action="append", default=[])
    parser.add_argument("--greeting", default="ready")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    context = None
    if arguments.tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
    handler = Handler(arguments.folder, arguments)

    def server():
        return Server(
            handler,
            hostname="mail.test",
            ident=arguments.greeting,
            tls_context=context if arguments.tls == "starttls" else None,
            require_starttls=arguments.tls == "starttls",
            authenticator=authenticator(arguments.login) if arguments.login else None,
            auth_required=arguments.login is not None,
            auth_exclude_mechanism=None if arguments.login else ["PLAIN", "LOGIN"],
            # Without TLS only where there is none to be had.
            auth_require_tls=arguments.tls == "starttls",
            enable_SMTPUTF8=True,
        )

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(server, "127.0.0.1", arguments.port, ssl=context if arguments.tls == "implicit" else None)
    print(f"PORT {listener.sockets[0].getsockname()[1]}", flush=True)
    # The server ends with whoever started it.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
