# SPDX-License-Identifier: MIT
"""asyncio.to_thread()."""
import contextvars
import functools

from . import events

__all__ = ('to_thread',)


async def to_thread(function, /, *args, **kwargs):
    """Run a blocking function in a thread of the default executor, with a copy of the context, and return its result."""
    context = contextvars.copy_context()
    return await events.get_running_loop().run_in_executor(None, functools.partial(context.run, function, *args, **kwargs))
