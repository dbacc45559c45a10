# SPDX-License-Identifier: MIT
# A05: wait for futures that are all done suspends all the same; with a limit of 0 it tells those that are done.
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    future, pending_one = loop.create_future(), loop.create_future()
    future.set_result(None)
    loop.call_soon(print, 'tick')
    await asyncio.wait([future])
    print('waited')
    done, pending = await asyncio.wait([future, pending_one], timeout=0)
    print(len(done), len(pending))

asyncio.run(main())
