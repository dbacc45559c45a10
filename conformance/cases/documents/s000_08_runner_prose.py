# SPDX-License-Identifier: MIT
# Document 000, prose: Runner is a (synchronous) context manager that frees the resources.  The program is ours.
import asyncio

async def hello(n):
    await asyncio.sleep(0.1)
    return f'hello {n}'

with asyncio.Runner() as runner:
    print(runner.run(hello(1)))
    print(runner.run(hello(2)))
    loop = runner.get_loop()
    print(loop.is_closed())
print(loop.is_closed())
