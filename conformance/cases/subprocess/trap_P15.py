# SPDX-License-Identifier: MIT
# P15: to close a process kills a child that still runs, and closes its pipes.
import asyncio
from asyncio.subprocess import PIPE

async def main():
    process = await asyncio.create_subprocess_exec('sleep', '9', stdin=PIPE, stdout=PIPE)
    process._transport.close()
    print(await process.wait(), process.returncode)
    print(process.stdin.is_closing())

asyncio.run(main())
