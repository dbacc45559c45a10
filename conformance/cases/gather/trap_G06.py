# SPDX-License-Identifier: MIT
# G06: cancelling a gather cancels its children and leaves it pending. It ends when the first child has ended cancelled, or with
# return_exceptions when all have. It ends by a cancellation that is its exception, so that it says itself it was not cancelled.
import asyncio

U = 0.2

async def job(name, units, error=None):
    print(name + '+')
    try:
        await asyncio.sleep(units * U)
    except asyncio.CancelledError:
        print(name + 'X')
        raise
    if error:
        raise error
    print(name + '-')
    return name
async def slow():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('slow X')
        await asyncio.sleep(2 * U)
        print('slow cleaned')
        raise

async def main():
    for return_exceptions in (False, True):
        print('return_exceptions', return_exceptions)
        gathered = asyncio.gather(job('a', 9), slow(), return_exceptions=return_exceptions)
        await asyncio.sleep(U)
        print(gathered.cancel(), gathered.done(), gathered.cancelled())
        try:
            await gathered
        except asyncio.CancelledError:
            print('CancelledError', gathered.cancelled())
        await asyncio.sleep(3 * U)

asyncio.run(main())
