# SPDX-License-Identifier: MIT
# L21: a reader replaces the one before; what is not read is told in each iteration; reader and writer are independent, and
# removing tells whether there was one.
import asyncio
import socket

loop = asyncio.new_event_loop()
r, w = socket.socketpair()
r.setblocking(False)
w.send(b'abc')
called = []
turns = 0

def spin():
    global turns
    turns += 1
    if turns > 3:
        loop.stop()
    else:
        loop.call_soon(spin)

loop.add_reader(r, called.append, 'old')
loop.add_reader(r, called.append, 'new')
loop.call_soon(spin)
loop.run_forever()
print('old' in called, called.count('new') >= 3)
loop.add_writer(r, print)
print(loop.remove_reader(r), loop.remove_reader(r))
print(loop.remove_writer(r), loop.remove_writer(r))
r.close()
w.close()
loop.close()
