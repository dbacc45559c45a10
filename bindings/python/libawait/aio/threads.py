# SPDX-License-Identifier: MIT
"""Blocking functions in threads."""
import contextvars
import functools

from . import events

__all__ = ('to_thread',)


async def to_thread(function, /, *args, **kwargs):
    """Run a blocking function in a thread of the default executor, in a copy of the context, and await its result."""
    context = contextvars.copy_context()
    return await events.get_running_loop().run_in_executor(None, functools.partial(context.run, function, *args, **kwargs))
