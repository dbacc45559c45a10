# SPDX-License-Identifier: MIT
# P05: wait_for(communicate()) does not kill the child when its time is up: it runs on until somebody does.
import asyncio
import os

U = 0.05

async def main():
    process = await asyncio.create_subprocess_exec('sleep', '9', stdout=asyncio.subprocess.PIPE)
    try:
        await asyncio.wait_for(process.communicate(), 2 * U)
    except asyncio.TimeoutError:
        print('timeout', process.returncode)
    os.kill(process.pid, 0)
    print('alive')
    process.kill()
    print(await process.wait())

asyncio.run(main())
