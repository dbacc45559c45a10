# SPDX-License-Identifier: MIT
"""asyncio's tasks on uvloop."""
import asyncio

import uvloop
from with_asyncio import WithAsyncio


class Variant(WithAsyncio):
    name = f'uvloop {uvloop.__version__}'

    def run(self, coroutine):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(coroutine)
