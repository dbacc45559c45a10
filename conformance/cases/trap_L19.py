# SPDX-License-Identifier: MIT
# L19: in debug mode a call from another thread than the loop's is refused; the threadsafe one stays legal.
import asyncio
import threading

loop = asyncio.new_event_loop()
loop.set_debug(True)

def other_thread():
    for call in (lambda: loop.call_soon(print), lambda: loop.call_later(1, print)):
        try:
            call()
        except RuntimeError:
            print('refused')
    loop.call_soon_threadsafe(loop.stop)

thread = threading.Thread(target=other_thread)
loop.call_soon(thread.start)
loop.run_forever()
thread.join()
print('stopped')
loop.close()
