# SPDX-License-Identifier: MIT
# P06: a wait begun before the exit ends when the child has ended and all its pipes as well: who is left behind with them
# delays it, though the return code is known. A wait begun after the exit ends at once.
import asyncio
from asyncio.subprocess import PIPE

U = 0.05

async def main():
    process = await asyncio.create_subprocess_shell('exec 3<&0; read x; cat <&3 & exit 5', stdin=PIPE, stdout=PIPE)
    before = asyncio.create_task(process.wait())
    await asyncio.sleep(0)
    process.stdin.write(b'go\n')
    while process.returncode is None:
        await asyncio.sleep(U)
    await asyncio.sleep(U)
    print(process.returncode, before.done())
    print(await process.wait(), before.done())
    process.stdin.write(b'late')
    process.stdin.close()
    print(await before, await process.stdout.read())

asyncio.run(main())
