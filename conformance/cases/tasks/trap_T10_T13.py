# SPDX-License-Identifier: MIT
# T10, T13: a CancelledError from an await, of whom? The awaited task is cancelled either way; only the open requests of the awaiting one tell.
import asyncio


async def sleeper():
    await asyncio.sleep(3600)


async def waiter(awaited):
    before = asyncio.current_task().cancelling()
    try:
        await awaited
    except asyncio.CancelledError:
        me = asyncio.current_task().cancelling() > before
        print('awaited cancelled:', awaited.cancelled(), 'me:', me)
        if me:
            asyncio.current_task().uncancel()
    return 'goes on'


async def main():
    for whom in 'waiter', 'sleeper':
        awaited = asyncio.create_task(sleeper())
        task = asyncio.create_task(waiter(awaited))
        await asyncio.sleep(0.1)
        print('cancel the', whom)
        (task if whom == 'waiter' else awaited).cancel()
        print(await task, task.cancelling())


asyncio.run(main())
