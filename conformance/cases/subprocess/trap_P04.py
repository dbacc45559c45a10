# SPDX-License-Identifier: MIT
# P04: communicate without input closes a piped stdin: the child sees its end.
# needs 3.12
import asyncio
from asyncio.subprocess import PIPE

async def main():
    process = await asyncio.create_subprocess_shell('cat; echo end', stdin=PIPE, stdout=PIPE)
    print(*await process.communicate(), process.returncode)

asyncio.run(main())
