# SPDX-License-Identifier: MIT
"""asyncio as CPython has it."""
import asyncio
import sys

from with_asyncio import WithAsyncio


class Variant(WithAsyncio):
    name = f'asyncio {sys.version_info.major}.{sys.version_info.minor}'

    def run(self, coroutine):
        return asyncio.run(coroutine)
