# SPDX-License-Identifier: MIT
# P02: communicate gives nothing for a stream that is no pipe; stderr=STDOUT puts both in one; DEVNULL swallows.
import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

async def talk(stdout, stderr):
    process = await asyncio.create_subprocess_shell('echo o; echo e >&2', stdout=stdout, stderr=stderr)
    print(*await process.communicate(), process.returncode)

async def main():
    await talk(DEVNULL, DEVNULL)
    await talk(PIPE, DEVNULL)
    await talk(PIPE, STDOUT)
    await talk(PIPE, PIPE)

asyncio.run(main())
