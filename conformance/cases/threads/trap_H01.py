# SPDX-License-Identifier: MIT
# H01: to_thread() does nothing until it is driven; the thread has a copy of the context; value or exception come back; the loop
# stays free.
import asyncio
import contextvars
import threading

word = contextvars.ContextVar('word')
ticked = threading.Event()
seen = []


def work():
    seen.append(word.get())
    word.set('of the thread')
    ticked.wait()
    return threading.current_thread() is not threading.main_thread()


def fails():
    raise TimeoutError('in a thread')


async def ticker():
    for i in 1, 2:
        await asyncio.sleep(0.05)
        print('tick', i)
    ticked.set()


async def main():
    word.set('of main')
    coro = asyncio.to_thread(work)
    await asyncio.sleep(0.05)
    print('begun', len(seen))
    result, _ = await asyncio.gather(coro, ticker())
    print('in a thread', result)
    print('seen there:', seen[0])
    print('seen here:', word.get())
    try:
        await asyncio.to_thread(fails)
    except TimeoutError as error:
        print('TimeoutError', error)


asyncio.run(main())
