# SPDX-License-Identifier: MIT
# X09: Of the two marks each follows from the other; 0 means that every byte counts; the low one is not above the high one.
import asyncio
import socket

async def main():
    left, right = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=left)
    transport = writer.transport
    for marks in ({'high': 100}, {'low': 100}, {'high': 0}, {}, {'high': 10, 'low': 5}):
        transport.set_write_buffer_limits(**marks)
        print(*transport.get_write_buffer_limits())
    try:
        transport.set_write_buffer_limits(high=1, low=2)
    except ValueError:
        print('refused')
    print(*transport.get_write_buffer_limits())
    writer.close()
    right.close()

asyncio.run(main())
