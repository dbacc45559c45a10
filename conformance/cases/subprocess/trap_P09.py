# SPDX-License-Identifier: MIT
# P09: to wait for a child with a pipe that nobody reads blocks as soon as the child has filled it; communicate does not.
import asyncio

U = 0.05

async def main():
    process = await asyncio.create_subprocess_shell('head -c 1000000 /dev/zero', stdout=asyncio.subprocess.PIPE)
    try:
        await asyncio.wait_for(process.wait(), 4 * U)
        print('ended')
    except asyncio.TimeoutError:
        print('blocked', process.returncode)
    output, _ = await process.communicate()
    print(len(output), process.returncode)

asyncio.run(main())
