# SPDX-License-Identifier: MIT
# P03: communicate with input for a child that does not read: the broken pipe is no error, output and exit code come.
import asyncio
from asyncio.subprocess import PIPE

async def main():
    process = await asyncio.create_subprocess_shell('exec 0<&-; echo done; exit 4', stdin=PIPE, stdout=PIPE)
    print(*await process.communicate(b'x' * 3000000), process.returncode)

asyncio.run(main())
