# SPDX-License-Identifier: MIT
# L23: a callback runs in the context in which it was scheduled, and a task in a copy of that in which it was made; what they
# change is not seen outside.
import asyncio
import contextvars

v = contextvars.ContextVar('v')

async def child():
    print('child', v.get())
    v.set('child')
    await asyncio.sleep(0)
    print('child', v.get())

def callback(future):
    print('callback', v.get())
    v.set('callback')
    future.set_result(None)

async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    v.set('one')
    task = asyncio.create_task(child())
    v.set('two')
    loop.call_soon(callback, future)
    v.set('three')
    await task
    await future
    print('main', v.get())

asyncio.run(main())
