# SPDX-License-Identifier: MIT
# L17, L19: in debug mode a call from another thread than the loop's is refused; the threadsafe one stays legal, and wakes the
# loop. Out of debug mode CPython lets it pass and may run it late; libawait refuses it there too, so this program is in debug
# mode both times.
import asyncio
import threading

def run():
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

run()
run()
