# SPDX-License-Identifier: MIT
# P10: if the exit status is gone (here since SIGCHLD is ignored), the return code is 255, and nothing hangs.
import asyncio
import logging
import signal

logging.getLogger('asyncio').setLevel(logging.CRITICAL)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)

async def main():
    process = await asyncio.create_subprocess_shell('read x; exit 7', stdin=asyncio.subprocess.PIPE)
    print(process.returncode)
    process.stdin.close()
    print(await process.wait(), process.returncode)

asyncio.run(main())
