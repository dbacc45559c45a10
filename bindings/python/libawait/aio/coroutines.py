# SPDX-License-Identifier: MIT
"""Tests for coroutines and coroutine functions."""
import collections.abc
import inspect
import os
import sys

from ._aio import Operation
from ._support import coroutine_text as _format_coroutine, iscoroutine

__all__ = ('iscoroutine', 'iscoroutinefunction')

collections.abc.Coroutine.register(Operation)


_is_coroutine = object()  # unittest.mock marks its own with asyncio's


def _is_debug_mode():
    return sys.flags.dev_mode or (not sys.flags.ignore_environment and bool(os.environ.get('PYTHONASYNCIODEBUG')))


def iscoroutinefunction(function):
    """Whether calling it returns a coroutine."""
    return inspect.iscoroutinefunction(function) or getattr(function, '_is_coroutine', None) is _is_coroutine
