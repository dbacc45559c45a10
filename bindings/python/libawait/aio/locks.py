# SPDX-License-Identifier: MIT
"""Locks, events, conditions, semaphores and barriers."""
import enum

from . import _aio

__all__ = ('Barrier', 'BoundedSemaphore', 'Condition', 'Event', 'Lock', 'Semaphore')


class _Held:
    """`async with`."""

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, kind, failure, trace):
        self.release()


def _waiters(self):
    """A placeholder for each waiter, for code that inspects how many there are."""
    return range(self._waiting)


def _text(self, words):
    if self._waiting:
        words += f', waiters:{self._waiting}'
    return f'<{object.__repr__(self)[1:-1]} [{words}]>'


class Lock(_Held, _aio.Lock):
    """asyncio.Lock."""

    _waiters = property(_waiters)

    def __repr__(self):
        return _text(self, 'locked' if self.locked() else 'unlocked')


class Event(_aio.Event):
    """asyncio.Event."""

    _waiters = property(_waiters)

    def __repr__(self):
        return _text(self, 'set' if self.is_set() else 'unset')


class Condition(_Held, _aio.Condition):
    """asyncio.Condition, with a new lock or a given one."""

    _waiters = property(_waiters)

    def __init__(self, lock=None):
        super().__init__(Lock() if lock is None else lock)

    def __repr__(self):
        return _text(self, 'locked' if self.locked() else 'unlocked')

    async def wait_for(self, predicate):
        """Wait until the predicate is true; returns its value."""
        result = predicate()
        while not result:
            await self.wait()
            result = predicate()
        return result


class Semaphore(_Held, _aio.Semaphore):
    """asyncio.Semaphore."""

    _waiters = property(_waiters)

    def __init__(self, value=1):
        super().__init__(value)

    @property
    def _value(self):
        return self._get_value()

    def __repr__(self):
        return _text(self, 'locked' if self.locked() else f'unlocked, value:{self._value}')


class BoundedSemaphore(Semaphore):
    """asyncio.BoundedSemaphore."""

    def __init__(self, value=1):
        _aio.Semaphore.__init__(self, value, bounded=True)


class _BarrierState(enum.Enum):
    FILLING = 'filling'
    DRAINING = 'draining'
    RESETTING = 'resetting'
    BROKEN = 'broken'


class Barrier(_aio.Barrier):
    """asyncio.Barrier."""

    parties = property(_aio.Barrier._get_parties, doc='How many tasks have to arrive.')
    n_waiting = property(_aio.Barrier._get_n_waiting, doc='How many tasks are waiting.')
    broken = property(_aio.Barrier._get_broken, doc='Whether the barrier is broken.')

    async def __aenter__(self):
        return await self.wait()

    async def __aexit__(self, *args):
        pass

    def __repr__(self):
        state = 'broken' if self.broken else 'filling'
        waiting = f', waiters:{self.n_waiting}/{self.parties}' if not self.broken else ''
        return f'<{object.__repr__(self)[1:-1]} [{state}{waiting}]>'
