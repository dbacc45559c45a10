# SPDX-License-Identifier: MIT
# L02: one iteration is what was ready, then what the poll found, then the timers due, in that order; and nothing else.
import asyncio
import socket

loop = asyncio.new_event_loop()
r, w = socket.socketpair()
r.setblocking(False)

def on_read():
    r.recv(10)
    print('io')

def first():
    loop.call_later(0, print, 'timer')
    w.send(b'x')
    loop.call_soon(print, 'soon')
    loop.call_later(0.05, loop.stop)

loop.add_reader(r, on_read)
loop.call_soon(first)
loop.run_forever()
loop.remove_reader(r)
r.close()
w.close()
loop.close()
