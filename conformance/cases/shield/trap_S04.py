# SPDX-License-Identifier: MIT
# S04: if the shield was cancelled and the task behind it fails later, the failure is told, once. (Up to 3.13 when the task goes, later at
# once; the trace does not tell which.)
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
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(repr(context['exception'])))
    task = asyncio.create_task(job('inner', 1, ValueError()))
    shield = asyncio.shield(task)
    await asyncio.sleep(0)
    shield.cancel()
    await asyncio.sleep(2 * U)
    del task
    gc.collect()
    print('told', len(told))

asyncio.run(main())
