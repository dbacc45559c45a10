# SPDX-License-Identifier: MIT
"""asyncio's exceptions. CancelledError is specific to this package; TimeoutError is Python's."""

__all__ = ('BrokenBarrierError', 'CancelledError', 'IncompleteReadError', 'InvalidStateError', 'LimitOverrunError', 'QueueEmpty',
           'QueueFull', 'QueueShutDown', 'SendfileNotAvailableError', 'TimeoutError')

TimeoutError = TimeoutError


class CancelledError(BaseException):
    """The future or task was cancelled."""


class InvalidStateError(Exception):
    """The object is not in the state that the call requires."""


class QueueEmpty(Exception):
    """The queue is empty."""


class QueueFull(Exception):
    """The queue is full."""


class QueueShutDown(Exception):
    """The queue was shut down."""


class SendfileNotAvailableError(RuntimeError):
    """The system cannot send this file over this socket."""


class BrokenBarrierError(RuntimeError):
    """The barrier is broken."""


class IncompleteReadError(EOFError):
    """The stream ended early: `partial` contains the bytes read, `expected` is the requested number, or None."""

    def __init__(self, partial, expected):
        wanted = 'undefined' if expected is None else repr(expected)
        super().__init__(f'{len(partial)} bytes read on a total of {wanted} expected bytes')
        self.partial = partial
        self.expected = expected

    def __reduce__(self):
        return type(self), (self.partial, self.expected)


class LimitOverrunError(Exception):
    """The separator is beyond the limit: the first `consumed` bytes don't contain it."""

    def __init__(self, message, consumed):
        super().__init__(message)
        self.consumed = consumed

    def __reduce__(self):
        return type(self), (self.args[0], self.consumed)
