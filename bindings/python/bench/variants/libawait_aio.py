# SPDX-License-Identifier: MIT
import libawait.aio
import with_asyncio

with_asyncio.asyncio = libawait.aio  # the same programs, under asyncio's name


class Variant(with_asyncio.WithAsyncio):
    name = 'libawait.aio, epoll'

    def run(self, coroutine):
        return libawait.aio.run(coroutine)
