# SPDX-License-Identifier: MIT
"""What a coroutine is."""
import collections.abc
import inspect

from ._aio import Operation
from ._support import coroutine_text as _format_coroutine, iscoroutine

__all__ = ('iscoroutine', 'iscoroutinefunction')

collections.abc.Coroutine.register(Operation)


def iscoroutinefunction(function):
    """Whether a call of it gives a coroutine."""
    return inspect.iscoroutinefunction(function) or getattr(function, '_is_coroutine', None) is not None
