# SPDX-License-Identifier: MIT
# Document 002, subprocess fragment.  Fixes: put in a coroutine; 'ls -al' and the fictitious notepad path replaced by commands
# with a fixed output; "or" methods of waiting both shown on separate processes.
import asyncio

async def main():
    process: asyncio.subprocess.Process = await asyncio.create_subprocess_shell(
        'echo out; echo err >&2; exit 3',
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    print(stdout, stderr, process.returncode)

    process = await asyncio.create_subprocess_exec(
        'printf', '%s-%s', 'a.txt', 'b.txt',
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    exit_code: int = await process.wait()
    print(exit_code, process.returncode, await process.stdout.read())

asyncio.run(main())
