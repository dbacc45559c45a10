# SPDX-License-Identifier: MIT
# A run leaves a SIGINT alone that the program ignores, or handles itself.
import asyncio
import os
import signal


async def main():
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.1)
    return 'slept'


def handle(number, frame):
    print('handled')


for action in signal.SIG_IGN, handle:
    signal.signal(signal.SIGINT, action)
    print(asyncio.run(main()))
    print(signal.getsignal(signal.SIGINT) is action)
