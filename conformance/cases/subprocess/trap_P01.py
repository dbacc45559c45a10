# SPDX-License-Identifier: MIT
# P01: returncode is None until the loop has collected the exit, then the exit code, or -N if signal N killed it; several
# tasks may wait at once, and who waits later has it at once.
import asyncio

async def main():
    process = await asyncio.create_subprocess_shell('read x; exit 3', stdin=asyncio.subprocess.PIPE)
    waiters = [asyncio.create_task(process.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    print(process.returncode)
    process.stdin.close()
    print([await waiter for waiter in waiters])
    print(process.returncode, await process.wait())

    process = await asyncio.create_subprocess_exec('sleep', '9')
    process.terminate()
    print(await process.wait(), process.returncode)
    process = await asyncio.create_subprocess_exec('sleep', '9')
    process.kill()
    print(await process.wait(), process.returncode)

asyncio.run(main())
