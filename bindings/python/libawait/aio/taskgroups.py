# SPDX-License-Identifier: MIT
"""Task groups."""
import sys

from . import _aio, events, tasks
from .exceptions import InvalidStateError

__all__ = ('TaskGroup',)


class TaskGroup:
    """asyncio.TaskGroup: an asynchronous context manager that waits for its tasks at the end of the block."""

    def __init__(self):
        self._c = None
        self._entered = self._ended = False

    def __repr__(self):
        words = 'entered' if self._entered else ''
        return f'<TaskGroup {words}>'.replace(' >', '>')

    async def __aenter__(self):
        if self._entered:
            raise RuntimeError(f'TaskGroup {self!r} has already been entered')
        if tasks.current_task() is None:
            raise RuntimeError(f'TaskGroup {self!r} cannot determine the parent task')
        self._c = _aio.TaskGroup()
        self._c.begin()
        self._entered = True
        return self

    async def __aexit__(self, kind, failure, trace):
        try:
            await self._c.end(failure)
        finally:
            self._ended = True

    def create_task(self, coro, *, name=None, context=None):
        """Start a task in the group."""
        if not self._entered:
            raise RuntimeError(f'TaskGroup {self!r} has not been entered')
        loop = events.get_running_loop()
        if loop.get_task_factory() is not None and not self._ended:
            task = loop.create_task(coro, name=name, context=context)
            try:
                self._c.add(task)
            except InvalidStateError as failure:
                task.cancel()
                raise RuntimeError(f'TaskGroup {self!r} is shutting down') from failure
            return task
        try:
            return self._c.spawn(coro, name, context)
        except InvalidStateError as failure:
            if sys.version_info >= (3, 13):
                coro.close()  # as CPython 3.13 does
            state = 'is finished' if self._ended else 'is shutting down'
            raise RuntimeError(f'TaskGroup {self!r} {state}') from failure
