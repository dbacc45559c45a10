# SPDX-License-Identifier: MIT
"""The texts and reports of handles, which both extensions' handles share. asyncio is not imported for them."""


def handle_repr(handle, callback_source):
    """The repr of asyncio.Handle and TimerHandle. `callback_source` describes a function with its arguments."""
    words = [type(handle).__name__]
    if handle._cancelled:
        words.append('cancelled')
    if hasattr(handle, '_when'):
        words.append(f'when={handle._when}')
    if handle._callback is not None:
        words.append(callback_source(handle._callback, handle._args or ()))
    if handle._source_traceback:
        filename, line = handle._source_traceback[-1][:2]
        words.append(f'created at {filename}:{line}')
    return f'<{" ".join(words)}>'


def callback_failed(handle, callback, args, exception, callback_source):
    """Reports an exception that a callback raised, as asyncio.Handle._run() does."""
    context = {
        'message': f'Exception in callback {callback_source(callback, args)}',
        'exception': exception,
        'handle': handle,
    }
    if handle._source_traceback:
        context['source_traceback'] = handle._source_traceback
    handle._loop.call_exception_handler(context)


def callback_lasted(handle, text, seconds, logger):
    """In debug mode, after each callback. `text` describes the handle."""
    if seconds >= handle._loop.slow_callback_duration:
        logger.warning('Executing %s took %.3f seconds', text(handle), seconds)
