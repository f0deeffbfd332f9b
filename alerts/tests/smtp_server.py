"""A mail server for tests: prints its port, then every mail that it took, as JSON lines.

    smtp_server.py [--user U --password P] [--cert FILE --key FILE [--smtps]] [--answer "451 later"] [--mute]

With a certificate it offers STARTTLS and demands it before MAIL, or with --smtps speaks TLS from the start. With a
user it demands authentication. --answer refuses each mail with that reply; --mute accepts connections and says nothing.
It listens on a free port of the loopback address and ends when its standard input is closed.
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**facts):
    print(json.dumps(facts), flush=True)


class Mailbox:
    def __init__(self, answer):
        self.answer = answer

    async def handle_DATA(self, server, session, envelope):
        if self.answer:
            return self.answer
        tell(
            sender=envelope.mail_from,
            receivers=envelope.rcpt_tos,
            tls=session.ssl is not None,
            user=session.auth_data.login.decode() if session.auth_data else None,
            content=envelope.content.decode("utf-8", "replace"),
        )
        return "250 2.0.0 taken"


async def mute(reader, writer):
    await reader.read()
    writer.close()


async def main():
    options = argparse.ArgumentParser()
    for name in ("user", "password", "cert", "key", "answer"):
        options.add_argument(f"--{name}")
    options.add_argument("--smtps", action="store_true")
    options.add_argument("--mute", action="store_true")
    args = options.parse_args()

    tls = None
    if args.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(args.cert, args.key)

    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (args.user.encode(), args.password.encode())
        return AuthResult(success=good, handled=good, auth_data=data)

    def protocol():
        return SMTP(
            Mailbox(args.answer),
            hostname="mail.test",
            tls_context=None if args.smtps else tls,
            require_starttls=bool(tls) and not args.smtps,
            authenticator=authenticate if args.user else None,
            auth_required=bool(args.user),
            auth_require_tls=bool(tls) and not args.smtps,
        )

    loop = asyncio.get_running_loop()
    if args.mute:
        server = await asyncio.start_server(mute, "127.0.0.1", 0)
    else:
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if args.smtps else None)
    tell(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
