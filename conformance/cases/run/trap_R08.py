# SPDX-License-Identifier: MIT
# R08: one runner, one loop, several runs: a task that is left goes on in the next run, and the context stays; closed, it refuses.
import asyncio
import contextvars

v = contextvars.ContextVar('v')

async def ticker():
    await asyncio.sleep(0.4)
    print('ticker goes on')

async def first():
    v.set('kept')
    first.task = asyncio.create_task(ticker())
    await asyncio.sleep(0.1)

async def second():
    print(v.get(), first.task.done())
    await first.task

async def never():
    print('never')

with asyncio.Runner() as runner:
    loop = runner.get_loop()
    runner.run(first())
    runner.run(second())
    print(runner.get_loop() is loop)
coroutine = never()
try:
    runner.run(coroutine)
except RuntimeError:
    print('refused')
coroutine.close()
