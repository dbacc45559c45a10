# SPDX-License-Identifier: MIT
# P08: a process that has ended is not signalled any more, so that nobody else with its pid is.
import asyncio

def attempt(call, *args):
    try:
        call(*args)
        print('silent')
    except ProcessLookupError:
        print('ProcessLookupError')

async def main():
    process = await asyncio.create_subprocess_exec('true')
    print(await process.wait())
    await asyncio.sleep(0)
    attempt(process.kill)
    attempt(process.terminate)
    attempt(process.send_signal, 0)

asyncio.run(main())
