# SPDX-License-Identifier: MIT
# P07: a missing program, a missing folder to start in and a program that may not be executed fail in the call that starts it,
# and there is no process; a missing command of a shell is an ordinary exit with 127.
import asyncio

async def start(program, cwd=None):
    try:
        await asyncio.create_subprocess_exec(program, cwd=cwd)
        print('started')
    except OSError as error:
        print(type(error).__name__)

async def main():
    await start('no-such-program-x')
    await start('true', cwd='/no/such')
    await start('/etc/passwd')
    process = await asyncio.create_subprocess_shell('no-such-program-x', stderr=asyncio.subprocess.DEVNULL)
    print(await process.wait())

asyncio.run(main())
