# SPDX-License-Identifier: MIT
"""Helpers of the C extension: asyncio's message texts and its debug mode's reports."""
import sys
from asyncio import base_events, format_helpers
from asyncio.log import logger

create_task = base_events.BaseEventLoop.create_task


def extract_stack():
    """The stack where a handle is created: the frames of the Python code that called the extension."""
    return format_helpers.extract_stack(sys._getframe(1))


def handle_repr(handle):
    """The repr of asyncio.Handle and TimerHandle."""
    info = [type(handle).__name__]
    if handle._cancelled:
        info.append('cancelled')
    if hasattr(handle, '_when'):
        info.append(f'when={handle._when}')
    if handle._callback is not None:
        info.append(format_helpers._format_callback_source(handle._callback, handle._args or ()))
    if handle._source_traceback:
        frame = handle._source_traceback[-1]
        info.append(f'created at {frame[0]}:{frame[1]}')
    return f'<{" ".join(info)}>'


def callback_failed(handle, callback, args, exception):
    """Report an exception of a callback as asyncio.Handle._run() does."""
    context = {
        'message': f'Exception in callback {format_helpers._format_callback_source(callback, args)}',
        'exception': exception,
        'handle': handle,
    }
    if handle._source_traceback:
        context['source_traceback'] = handle._source_traceback
    handle._loop.call_exception_handler(context)


def callback_lasted(loop, handle, seconds):
    """Called after each callback in debug mode."""
    if seconds >= loop.slow_callback_duration:
        logger.warning('Executing %s took %.3f seconds', base_events._format_handle(handle), seconds)
