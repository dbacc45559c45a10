# SPDX-License-Identifier: MIT
"""Timeout scopes."""
import enum

from . import _aio, events
from ._aio import current_task
from .exceptions import CancelledError

__all__ = ('Timeout', 'timeout', 'timeout_at')


class _State(enum.Enum):
    CREATED = 'created'
    ENTERED = 'active'
    EXPIRING = 'expiring'
    EXPIRED = 'expired'
    EXITED = 'finished'


def _show_timeout(failure):
    while failure.__context__ is not None:
        if isinstance(failure.__context__, CancelledError):
            timed_out = TimeoutError()
            timed_out.__context__ = timed_out.__cause__ = failure.__context__
            failure.__context__ = timed_out
            return
        failure = failure.__context__


class Timeout:
    """asyncio.Timeout: an asynchronous context manager that cancels its body at the deadline and raises TimeoutError."""

    def __init__(self, when):
        self._state = _State.CREATED
        self._when = when
        self._c = None

    def when(self):
        """The deadline, in seconds of loop.time(), or None."""
        return self._when

    def reschedule(self, when):
        """Change the deadline. Only inside the scope."""
        if self._state is not _State.ENTERED or self._c.expired():
            if self._state is _State.CREATED:
                raise RuntimeError('Timeout has not been entered')
            raise RuntimeError(f'Cannot change state of {self._now().value} Timeout')
        self._when = when
        self._c.reschedule(when)

    def expired(self):
        """Whether the deadline passed inside the scope."""
        return self._now() in (_State.EXPIRING, _State.EXPIRED)

    def _now(self):
        return _State.EXPIRING if self._state is _State.ENTERED and self._c.expired() else self._state

    def __repr__(self):
        words = f'[{self._now().value}]'
        if self._state is _State.ENTERED:
            words += f' when={round(self._when, 3) if self._when is not None else None}'
        return f'<Timeout {words}>'

    async def __aenter__(self):
        if self._state is not _State.CREATED:
            raise RuntimeError('Timeout has already been entered')
        if events._get_running_loop() is None or current_task() is None:
            raise RuntimeError('Timeout should be used inside a task')
        self._c = _aio.Timeout(self._when)
        self._c.begin()
        self._cancelling = current_task().cancelling()
        self._state = _State.ENTERED
        return self

    async def __aexit__(self, kind, failure, trace):
        cancelled = kind is not None and issubclass(kind, CancelledError)
        fired = self._c.expired()
        timed_out = self._c.end(cancelled)
        self._state = _State.EXPIRED if fired else _State.EXITED
        if timed_out:
            raise TimeoutError from failure
        if fired and failure is not None and not cancelled and current_task().cancelling() <= self._cancelling:
            # The body replaced the cancellation with another exception: show the timeout in its context.
            _show_timeout(failure)
            for part in getattr(failure, 'exceptions', ()) if isinstance(failure, ExceptionGroup) else ():
                _show_timeout(part)
        return None


def timeout(delay):
    """A scope whose deadline is `delay` seconds from now; None: no deadline."""
    return Timeout(events.get_running_loop().time() + delay if delay is not None else None)


def timeout_at(when):
    """A scope whose deadline is `when`, in loop.time(); None: no deadline."""
    return Timeout(when)
