# SPDX-License-Identifier: MIT
"""Helpers of the C extension: asyncio's message texts and its debug mode's reports."""
import sys
from asyncio import base_events, format_helpers
from asyncio.log import logger

from . import _handle

create_task = base_events.BaseEventLoop.create_task


def extract_stack():
    """The stack where a handle is created: the frames of the Python code that called the extension."""
    return format_helpers.extract_stack(sys._getframe(1))


def handle_repr(handle):
    return _handle.handle_repr(handle, format_helpers._format_callback_source)


def callback_failed(handle, callback, args, exception):
    _handle.callback_failed(handle, callback, args, exception, format_helpers._format_callback_source)


def callback_lasted(handle, seconds):
    _handle.callback_lasted(handle, base_events._format_handle, seconds, logger)
