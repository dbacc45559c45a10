# SPDX-License-Identifier: MIT
"""Four shell commands at once, each with two seconds to end in; on libawait's own tasks."""
import libawait.aio as asyncio
from libawait.aio.subprocess import PIPE


async def run(command):
    process = await asyncio.create_subprocess_shell(command, stdout=PIPE)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 2)
        return f'{command}: {output.decode().strip()}'
    except TimeoutError:
        process.kill()
        return f'{command}: took too long'


async def main():
    for line in await asyncio.gather(*map(run, ('echo one', 'sleep 1; echo two', 'sleep 5', 'echo four'))):
        print(line)

asyncio.run(main())
