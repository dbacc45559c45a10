# SPDX-License-Identifier: MIT
# R10: a second SIGINT during that clean-up leaves the run at once.
import asyncio
import os
import signal

async def main():
    loop = asyncio.get_running_loop()
    loop.call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('cleans up')
        loop.call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
        await asyncio.sleep(2)
        print('not reached')
        raise

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print('KeyboardInterrupt')
