# SPDX-License-Identifier: MIT
# R11: a signal's callback is an ordinary one, in an iteration of the loop; a later one replaces it, and removing tells whether there was
# one. R12: SIGKILL and a number out of range are refused.
import asyncio
import os
import signal

async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, print, 'replaced')
    loop.add_signal_handler(signal.SIGUSR1, print, 'usr1')
    os.kill(os.getpid(), signal.SIGUSR1)
    print('after kill')
    await asyncio.sleep(0.1)
    print(loop.remove_signal_handler(signal.SIGUSR1), loop.remove_signal_handler(signal.SIGUSR1))
    print(signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL)
    for number in (signal.SIGKILL, 12345):
        try:
            loop.add_signal_handler(number, print)
        except (RuntimeError, ValueError):
            print('refused')

asyncio.run(main())
