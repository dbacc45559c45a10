# SPDX-License-Identifier: MIT
"""Tasks, and combinations of tasks and futures."""
import concurrent.futures
import inspect

from . import _aio, coroutines, events, futures, timeouts
from .exceptions import CancelledError
from ._aio import Future, Task, all_tasks, create_task, current_task, sleep

__all__ = ('ALL_COMPLETED', 'FIRST_COMPLETED', 'FIRST_EXCEPTION', 'Task', 'all_tasks', 'as_completed', 'create_task', 'current_task',
           'ensure_future', 'gather', 'run_coroutine_threadsafe', 'shield', 'sleep', 'wait', 'wait_for')

FIRST_COMPLETED = concurrent.futures.FIRST_COMPLETED
FIRST_EXCEPTION = concurrent.futures.FIRST_EXCEPTION
ALL_COMPLETED = concurrent.futures.ALL_COMPLETED
_WAYS = {FIRST_COMPLETED: 0, FIRST_EXCEPTION: 1, ALL_COMPLETED: 2}


async def _wrap_awaitable(awaitable):
    return await awaitable


def ensure_future(thing, *, loop=None):
    """Return a future unchanged, or wrap a coroutine or another awaitable in a task."""
    if futures.isfuture(thing):
        if loop is not None and loop is not thing.get_loop():
            raise ValueError('The future belongs to a different loop than the one specified as the loop argument')
        return thing
    made = False
    if not coroutines.iscoroutine(thing):
        if not inspect.isawaitable(thing):
            raise TypeError('An asyncio.Future, a coroutine or an awaitable is required')
        thing = _wrap_awaitable(thing)
        made = True
    try:
        if loop is None:
            loop = events.get_event_loop()
        return loop.create_task(thing)
    except RuntimeError:
        if made:
            thing.close()
        raise


def _ours(future):
    """The library's combinators accept only its own futures, so wrap any other future."""
    if isinstance(future, Future):
        return future
    follower = future.get_loop().create_future()
    futures._chain_future(future, follower)
    return follower


def gather(*awaitables, return_exceptions=False):
    """Return a future for the list of results, in argument order. The first failure completes it, unless `return_exceptions` is set."""
    if not awaitables:
        loop = events.get_event_loop()
        nothing = loop.create_future()
        nothing.set_result([])
        return nothing
    made, children, loop = {}, [], None
    for one in awaitables:
        child = made.get(id(one))
        if child is None:
            child = ensure_future(one, loop=loop)
            if loop is None:
                loop = child.get_loop()
            if child is not one:
                child._log_destroy_pending = False
            made[id(one)] = child
            made[id(child)] = child
        children.append(child)
    return _aio.gather(loop, [_ours(child) for child in children], return_exceptions)


def shield(awaitable):
    """Return a future with the outcome of the awaitable. Cancelling it does not cancel the awaitable."""
    return _aio.shield(_ours(ensure_future(awaitable)))


async def wait(fs, *, timeout=None, return_when=ALL_COMPLETED):
    """Wait until enough futures are done, or the timeout expires. Returns the sets of done and pending futures."""
    if futures.isfuture(fs) or coroutines.iscoroutine(fs):
        raise TypeError(f'expect a list of futures, not {type(fs).__name__}')
    if not fs:
        raise ValueError('Set of Tasks/Futures is empty.')
    if return_when not in _WAYS:
        raise ValueError(f'Invalid return_when value: {return_when}')
    fs = set(fs)
    if any(coroutines.iscoroutine(one) for one in fs):
        raise TypeError('Passing coroutines is forbidden, use tasks explicitly.')
    ours = {_ours(one): one for one in fs}
    done, pending = await _aio.wait(list(ours), timeout, _WAYS[return_when])
    return {ours[one] for one in done}, {ours[one] for one in pending}


async def wait_for(fut, timeout):
    """Return the result of the awaitable. After `timeout` seconds, cancel it, wait until it has ended, and raise TimeoutError."""
    if timeout is None or timeout > 0:
        async with timeouts.timeout(timeout):
            return await fut
    future = _ours(ensure_future(fut, loop=events.get_running_loop()))
    try:
        return await _aio.wait_for(future, timeout)
    except TimeoutError as failure:
        if not future.cancelled():
            raise
        timed_out = failure
    try:
        future.result()
    except CancelledError as cause:
        raise timed_out.with_traceback(None) from cause


class _AsCompleted:
    """The iterator of as_completed(): `for` yields awaitables of the results, `async for` the futures themselves."""

    def __init__(self, awaitables, timeout):
        loop = events.get_event_loop()
        self._futures = {_ours(future): future for future in [ensure_future(one, loop=loop) for one in set(awaitables)]}
        self._left = len(self._futures)
        self._c = _aio.AsCompleted(loop, list(self._futures), timeout)

    def __iter__(self):
        return self

    def __next__(self):
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._c.next_result()

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return self._futures[await self._c.next_future()]


def as_completed(fs, *, timeout=None):
    """Iterate over the awaitables in completion order; TimeoutError for those that are not done after `timeout` seconds."""
    if futures.isfuture(fs) or coroutines.iscoroutine(fs):
        raise TypeError(f'expect an iterable of futures, not {type(fs).__name__}')
    return _AsCompleted(fs, timeout)


def run_coroutine_threadsafe(coro, loop):
    """Submit a coroutine to a loop from another thread. Returns a concurrent.futures.Future."""
    if not coroutines.iscoroutine(coro):
        raise TypeError('A coroutine object is required')
    future = concurrent.futures.Future()

    def start():
        try:
            futures._chain_future(ensure_future(coro, loop=loop), future)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as failure:
            if future.set_running_or_notify_cancel():
                future.set_exception(failure)
            raise

    loop.call_soon_threadsafe(start)
    return future


def create_eager_task_factory(constructor):
    """A task factory whose tasks run their first step immediately."""
    def factory(loop, coro, *, name=None, context=None):
        return constructor(coro, loop=loop, name=name, context=context, eager_start=True)
    return factory


eager_task_factory = create_eager_task_factory(Task)
