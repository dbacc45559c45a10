# SPDX-License-Identifier: MIT
# Document 004, run_forever.py (script named but not included in the document, rewritten): never ends, Ctrl-C.  A watchdog sends SIGINT
# after 4 s and the interruption is printed.
import asyncio, os, signal, threading

async def is_coroutine(x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print('done')

loop = asyncio.new_event_loop()
threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT)).start()
t = loop.create_task(is_coroutine(3))
try:
    loop.run_forever()
except KeyboardInterrupt:
    print('KeyboardInterrupt', t.done())
loop.close()
