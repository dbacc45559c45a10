# SPDX-License-Identifier: MIT
# L12: a loop that runs can't be run, nor can another one in the same thread.
import asyncio

async def nothing():
    pass

async def main():
    running, other = asyncio.get_running_loop(), asyncio.new_event_loop()
    for loop in (running, other):
        coroutine = nothing()
        try:
            loop.run_until_complete(coroutine)
        except RuntimeError:
            print('refused')
        coroutine.close()
    print('running', running.is_running(), other.is_running())
    other.close()

asyncio.run(main())
