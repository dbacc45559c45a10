# SPDX-License-Identifier: MIT
# R09: SIGINT cancels the main task, which may clean up, and run ends in a KeyboardInterrupt; a main that swallows the cancellation
# gives its value, and there is no KeyboardInterrupt.
import asyncio
import os
import signal

async def main(swallow):
    asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        await asyncio.sleep(0.1)
        print('cleaned')
        if not swallow:
            raise
    return 'value'

for swallow in (False, True):
    try:
        print(asyncio.run(main(swallow)))
    except KeyboardInterrupt:
        print('KeyboardInterrupt')
