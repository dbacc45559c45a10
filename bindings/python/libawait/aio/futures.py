# SPDX-License-Identifier: MIT
"""Futures, and their conversion from and to concurrent.futures."""
import concurrent.futures

from . import events
from ._aio import Future
from ._support import isfuture
from .exceptions import CancelledError, InvalidStateError

__all__ = ('Future', 'isfuture', 'wrap_future')


def _set_result_unless_cancelled(future, result):
    if not future.cancelled():
        future.set_result(result)


def _convert_exception(failure):
    kinds = {concurrent.futures.CancelledError: CancelledError, concurrent.futures.InvalidStateError: InvalidStateError}
    kind = kinds.get(type(failure))
    return kind(*failure.args).with_traceback(failure.__traceback__) if kind else failure


def _copy_future_state(source, future):
    """Copy the outcome of a future to a future of this package."""
    if future.cancelled():
        return
    if source.cancelled():
        future.cancel()
        return
    failure = source.exception()
    if failure is not None:
        future.set_exception(_convert_exception(failure))
    else:
        future.set_result(source.result())


def _set_concurrent_state(concurrent_future, source):
    """Copy the outcome of a future of this package to a concurrent.futures.Future."""
    if source.cancelled():
        concurrent_future.cancel()
    if not concurrent_future.set_running_or_notify_cancel():
        return
    failure = source.exception()
    if failure is not None:
        if isinstance(failure, CancelledError):
            failure = concurrent.futures.CancelledError(*failure.args)
        concurrent_future.set_exception(failure)
    else:
        concurrent_future.set_result(source.result())


def _chain_future(source, destination):
    """Copy the outcome of `source` to `destination`, and cancel `source` if `destination` is cancelled. Each may be of either kind."""
    if not isfuture(source) and not isinstance(source, concurrent.futures.Future):
        raise TypeError('A future is required for source argument')
    if not isfuture(destination) and not isinstance(destination, concurrent.futures.Future):
        raise TypeError('A future is required for destination argument')
    source_loop = source.get_loop() if isfuture(source) else None
    destination_loop = destination.get_loop() if isfuture(destination) else None

    def set_state(future, other):
        if isfuture(future):
            _copy_future_state(other, future)
        else:
            _set_concurrent_state(future, other)

    def cancel_source(destination):
        if destination.cancelled():
            if source_loop is None or source_loop is destination_loop:
                source.cancel()
            elif not source_loop.is_closed():
                source_loop.call_soon_threadsafe(source.cancel)

    def end(source):
        if destination.cancelled() and destination_loop is not None and destination_loop.is_closed():
            return
        if destination_loop is None or destination_loop is source_loop:
            set_state(destination, source)
        elif not destination_loop.is_closed():
            destination_loop.call_soon_threadsafe(set_state, destination, source)

    destination.add_done_callback(cancel_source)
    source.add_done_callback(end)


def wrap_future(future, *, loop=None):
    """Wrap a concurrent.futures.Future in a future of this package."""
    if isfuture(future):
        return future
    if not isinstance(future, concurrent.futures.Future):
        raise TypeError(f'concurrent.futures.Future is expected, got {future!r}')
    if loop is None:
        loop = events.get_event_loop()
    wrapped = loop.create_future()
    _chain_future(future, wrapped)
    return wrapped
