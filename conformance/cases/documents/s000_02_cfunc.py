# SPDX-License-Identifier: MIT
# Document 000, coroutine function / coroutine object.  Fix: the document only defines cfunc and shows the REPL; here the
# object is inspected, shown not to have run, and then run.
import asyncio, inspect

async def cfunc():
    print('hello')
    await asyncio.sleep(1)
    print('world')

c = cfunc()
print(type(c).__name__, inspect.iscoroutine(c), asyncio.iscoroutine(c), inspect.iscoroutinefunction(cfunc))
print('nothing ran yet')
asyncio.run(c)
