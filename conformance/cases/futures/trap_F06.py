# SPDX-License-Identifier: MIT
# F06: an exception that nobody looked at is told when the last reference goes, of a future and of a task; one that was looked
# at is not.
import asyncio
import gc

loop = asyncio.new_event_loop()
loop.set_exception_handler(lambda loop, context: print(context['message'], 'exception' in context, 'future' in context))

future = loop.create_future()
future.set_exception(ValueError())
print('dropped')
del future
gc.collect()

future = loop.create_future()
future.set_exception(ValueError())
future.exception()
print('looked at and dropped')
del future
gc.collect()

future = loop.create_future()
future.set_exception(ValueError())
print('cancelled and dropped', future.cancel())
del future
gc.collect()

async def fail():
    raise ValueError

async def main():
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print('task dropped')

loop.run_until_complete(main())
gc.collect()
loop.close()
