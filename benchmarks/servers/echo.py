# SPDX-License-Identifier: MIT
"""An echo server on asyncio or uvloop. usage: echo.py asyncio|uvloop LISTENER"""
import asyncio
import socket
import sys

NOT_INSTALLED = 77


class Echo(asyncio.Protocol):
    """Writes what it gets; a slow reader stops the reading."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def serve(listener):
    server = await asyncio.get_running_loop().create_server(Echo, sock=listener, backlog=4096)
    await server.serve_forever()


def main():
    if sys.argv[1] == "uvloop":
        try:
            import uvloop
        except ImportError:
            return NOT_INSTALLED
        uvloop.install()
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[2]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
