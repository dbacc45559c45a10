# SPDX-License-Identifier: MIT
"""Four shell commands at once, each with a two-second timeout, gathered: on libawait's own tasks."""
import libawait.aio as asyncio
from libawait.aio.subprocess import PIPE


async def single_process(command):
    process = await asyncio.create_subprocess_shell(command, stdout=PIPE, stderr=PIPE, process_group=0)
    try:
        await asyncio.wait_for(process.communicate(), 2)
        print(command, 'complete')
    except TimeoutError:
        print(command, 'timeout')


async def main():
    commands = 'sleep 1 && echo hello', 'sleep 1.5', 'echo world', 'sleep 500'
    await asyncio.gather(*map(single_process, commands))

asyncio.run(main())
