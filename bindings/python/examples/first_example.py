#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Four shell commands at once, each with a two-second timeout, gathered: asyncio on libawait's event loop."""
import asyncio
import os
import signal

import libawait


async def run(command):
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE, start_new_session=True)
    try:
        await asyncio.wait_for(process.communicate(), 2)
        print(command, 'complete')
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)  # the shell and its children
        await process.wait()
        print(command, 'timeout')


async def main():
    commands = 'sleep 1 && echo hello', 'sleep 500', 'echo world', 'sleep 1.5'
    await asyncio.gather(*map(run, commands))

with asyncio.Runner(loop_factory=libawait.new_event_loop) as runner:
    runner.run(main())
