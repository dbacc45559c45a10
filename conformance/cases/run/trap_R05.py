# SPDX-License-Identifier: MIT
# R05: run waits for the threads of the default executor.
import asyncio
import time

def work():
    time.sleep(0.2)
    print('thread ends')

async def main():
    asyncio.get_running_loop().run_in_executor(None, work)
    print('main ends')

asyncio.run(main())
print('run ends')
