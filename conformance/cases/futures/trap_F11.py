# SPDX-License-Identifier: MIT
# F11: a future that failed gives the same exception object to each who awaits it, each time.
import asyncio

async def main():
    future = asyncio.get_running_loop().create_future()
    error = ValueError()
    future.set_exception(error)
    for _ in range(2):
        try:
            await future
        except ValueError as e:
            print(e is error)

asyncio.run(main())
