# SPDX-License-Identifier: MIT
# O06: reschedule moves the deadline both ways, or takes it away; one that is past fires in the next iteration. Before the block is
# entered and after it is left, it is refused.
# needs 3.12: the refusals came in the course of 3.11
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    timeout = asyncio.timeout(None)
    try:
        timeout.reschedule(loop.time())
    except RuntimeError:
        print('refused')
    try:
        async with timeout:
            print('no deadline', timeout.when() is None)
            timeout.reschedule(loop.time() + 9)
            timeout.reschedule(loop.time() + 0.1)
            await asyncio.sleep(0.5)
            print('not reached')
    except TimeoutError:
        print('TimeoutError')
    try:
        timeout.reschedule(None)
    except RuntimeError:
        print('refused')
    try:
        async with asyncio.timeout(0.1) as timeout:
            timeout.reschedule(None)
            await asyncio.sleep(0.2)
            print('deadline taken away')
            timeout.reschedule(loop.time() - 1)
            await asyncio.sleep(0)
            print('not reached')
    except TimeoutError:
        print('TimeoutError')

asyncio.run(main())
