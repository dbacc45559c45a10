# SPDX-License-Identifier: MIT
# G04: the first exception ends the gather at once; the other children go on, and what fails later is told to nobody.
import asyncio
import gc

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
async def main():
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: print('told', context['message']))
    try:
        await asyncio.gather(job('a', 1, ValueError('a')), job('b', 2), job('c', 3, KeyError('c')))
    except ValueError as e:
        print('failed:', e)
    await asyncio.sleep(3 * U)
    gc.collect()
    print('end')

asyncio.run(main())
