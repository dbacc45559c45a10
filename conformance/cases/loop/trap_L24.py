# SPDX-License-Identifier: MIT
# L24: a blocking step delays everything; the timers overdue by then all run in one batch, each once.
import asyncio
import time

async def main():
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, print, 'one')
    loop.call_later(0.1, print, 'two')
    loop.call_later(0.15, print, 'three')
    time.sleep(0.3)
    print('blocked')
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print('end')

asyncio.run(main())
