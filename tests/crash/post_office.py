"""Run in a process of its own: an SMTP server that writes each Message-ID to the disk before it says «taken».

Usage: post_office.py PORT TAKEN. It ends when it is killed.
"""

import asyncio
import os
import sys
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Handler:
    """Keeps the Message-ID of each message, and nothing else."""

    def __init__(self, taken: Path) -> None:
        self.file = taken.open("ab", buffering=0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.file.write(str(message_from_bytes(envelope.content)["Message-ID"]).encode() + b"\n")
        os.fsync(self.file.fileno())
        return "250 OK"


async def main(port: int, taken: Path) -> None:
    """Take messages until killed."""
    handler = Handler(taken)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
