# SPDX-License-Identifier: MIT
# L22: two descriptors are readable in one poll, and the first callback removes the reader of the second: that one does not run.
import asyncio
import socket

loop = asyncio.new_event_loop()
pairs = [socket.socketpair() for _ in range(2)]

def on_read():
    print('read')
    for r, _ in pairs:
        loop.remove_reader(r)

for r, w in pairs:
    loop.add_reader(r, on_read)
    w.send(b'x')
loop.call_later(0.05, loop.stop)
loop.run_forever()
for r, w in pairs:
    r.close()
    w.close()
loop.close()
