# SPDX-License-Identifier: MIT
"""asyncio's tasks on libawait's loop."""
import libawait
from with_asyncio import WithAsyncio


class Variant(WithAsyncio):
    name = 'libawait loop, epoll'

    def run(self, coroutine):
        return libawait.run(coroutine, backend='epoll')
