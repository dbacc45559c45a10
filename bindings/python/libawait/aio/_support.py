# SPDX-License-Identifier: MIT
"""The rarely used parts of the extension, written in Python: texts, stacks, and foreign futures."""
import collections.abc
import functools
import inspect
import linecache
import re
import reprlib
import socket
import sys
import traceback
import types

from .. import _handle
from .log import logger

DEBUG_STACK_DEPTH = 10


# ---- texts ----

def _function_source(function):
    function = inspect.unwrap(function)
    if inspect.isfunction(function):
        return function.__code__.co_filename, function.__code__.co_firstlineno
    if isinstance(function, functools.partial):
        return _function_source(function.func)
    if isinstance(function, functools.partialmethod):
        return _function_source(function.func)
    return None


def _arguments(args, kwargs):
    items = [reprlib.repr(arg) for arg in args or ()]
    items += [f'{name}={reprlib.repr(value)}' for name, value in (kwargs or {}).items()]
    return f"({', '.join(items)})"


def _callback(function, args, kwargs, suffix=''):
    if isinstance(function, functools.partial):
        suffix = _arguments(args, kwargs) + suffix
        return _callback(function.func, function.args, function.keywords, suffix)
    name = getattr(function, '__qualname__', None) or getattr(function, '__name__', None) or repr(function)
    return name + ('' if args is None else _arguments(args, kwargs)) + suffix


def callback_source(function, args):
    text = _callback(function, args, None)
    source = _function_source(function)
    return f'{text} at {source[0]}:{source[1]}' if source else text


def handle_repr(handle):
    return _handle.handle_repr(handle, callback_source)


def _callbacks(waiting):
    def text(function):
        return callback_source(function, ())
    count = len(waiting)
    if count <= 2:
        inside = ', '.join(text(function) for function, _ in waiting)
    else:
        inside = f'{text(waiting[0][0])}, <{count - 2} more>, {text(waiting[-1][0])}'
    return f'cb=[{inside}]'


def future_words(future):
    words = [future._state.lower()]
    if future._state == 'FINISHED':
        failure = future._exception
        words.append(f'exception={failure!r}' if failure is not None else f'result={reprlib.repr(future._result)}')
    waiting = future._callbacks
    if waiting:
        words.append(_callbacks(waiting))
    if future._source_traceback:
        filename, line = future._source_traceback[-1][:2]
        words.append(f'created at {filename}:{line}')
    return words


@reprlib.recursive_repr()
def future_repr(future, _=None):
    return f"<{type(future).__name__} {' '.join(future_words(future))}>"


def coroutine_text(coro):
    """The state and position of a coroutine."""
    name = getattr(coro, '__qualname__', None) or getattr(coro, '__name__', None) or f'<{type(coro).__name__} without __name__>'
    code = getattr(coro, 'cr_code', None) or getattr(coro, 'gi_code', None)
    running = getattr(coro, 'cr_running', False) or getattr(coro, 'gi_running', False)
    if code is None:
        return f'{name}() running' if running else f'{name}()'
    frame = getattr(coro, 'cr_frame', None) or getattr(coro, 'gi_frame', None)
    filename = code.co_filename or '<empty co_filename>'
    if frame is None:
        return f'{name}() done, defined at {filename}:{code.co_firstlineno}'
    if running:
        return f'{name}() running at {filename}:{frame.f_lineno}'
    return f'{name}() running at {filename}:{frame.f_lineno}'


@reprlib.recursive_repr()
def task_repr(task, _=None):
    words = future_words(task)
    if task.cancelling() and not task.done():
        words[0] = 'cancelling'
    words.insert(1, f'name={task.get_name()!r}')
    if task._fut_waiter is not None:
        words.insert(2, f'wait_for={task._fut_waiter!r}')
    if task._coro is not None:
        words.insert(2, f'coro=<{coroutine_text(task._coro)}>')
    return f"<{type(task).__name__} {' '.join(words)}>"


def report_message(message, future):
    """asyncio's message for a report of the library; None if it is not for the exception handler."""
    if message.startswith('Executing task'):
        logger.warning('Executing %r took %s', future, message.rpartition(' took ')[2])
        return None
    if message.startswith('Task was destroyed') and not getattr(future, '_log_destroy_pending', True):
        return None
    if message.endswith(' exception was never retrieved'):
        return f'{type(future).__name__} exception was never retrieved'
    return message


def callback_failed(handle, callback, args, exception):
    _handle.callback_failed(handle, callback, args, exception, callback_source)


def callback_lasted(handle, seconds):
    _handle.callback_lasted(handle, repr, seconds, logger)


# ---- stacks ----

def extract_stack():
    stack = traceback.StackSummary.extract(traceback.walk_stack(sys._getframe(1)), limit=DEBUG_STACK_DEPTH, lookup_lines=False)
    stack.reverse()
    return stack


def task_get_stack(task, limit):
    coro = task._coro
    frame = getattr(coro, 'cr_frame', None) or getattr(coro, 'gi_frame', None)
    if frame is not None:
        frames = []
        while frame is not None and (limit is None or len(frames) < limit):
            frames.append(frame)
            frame = frame.f_back
        return frames[::-1]
    failure = task._exception
    frames = []
    at = failure.__traceback__ if failure is not None else None
    while at is not None and (limit is None or len(frames) < limit):
        frames.append(at.tb_frame)
        at = at.tb_next
    return frames


def task_print_stack(task, where):
    limit, file = where
    entries = []
    for frame in task_get_stack(task, limit):
        code = frame.f_code
        linecache.checkcache(code.co_filename)
        entries.append((code.co_filename, frame.f_lineno, code.co_name, linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals)))
    failure = task._exception
    if not entries:
        print(f'No stack for {task!r}', file=file)
    elif failure is not None:
        print(f'Traceback for {task!r} (most recent call last):', file=file)
    else:
        print(f'Stack for {task!r} (most recent call last):', file=file)
    traceback.print_list(entries, file=file)
    if failure is not None:
        for line in traceback.format_exception_only(type(failure), failure):
            print(line, file=file, end='')


# ---- checks ----

_coroutine_types = (types.CoroutineType, collections.abc.Coroutine)
if sys.version_info < (3, 12):
    _coroutine_types += (types.GeneratorType,)


def iscoroutine(thing, _=None):
    return isinstance(thing, _coroutine_types)


def isfuture(thing):
    """Whether the object follows asyncio's future protocol."""
    return hasattr(thing.__class__, '_asyncio_future_blocking') and thing._asyncio_future_blocking is not None


def check_callback(callback, method):
    if iscoroutine(callback) or inspect.iscoroutinefunction(callback):
        raise TypeError(f'coroutines cannot be used with {method}()')
    if not callable(callback):
        raise TypeError(f'a callable object was expected by {method}(), got {callback!r}')


def wrap_stop_iteration(failure, _=None):
    """The replacement for a StopIteration, which can't be raised into a coroutine; None if set_exception() refuses it."""
    if sys.version_info < (3, 13):
        return None
    wrapped = RuntimeError('StopIteration interacts badly with generators and cannot be raised into a Future')
    wrapped.__cause__ = failure
    wrapped.__context__ = failure
    return wrapped


# ---- connections ----

_ADDRESS = re.compile(r'\((\S+) port (\d+)\): [^,]*')
_BOUND = re.compile(r'(?:error while attempting to bind on address |cannot bind to the local address \()(\S+) port (\d+)\)?: ([^,]*)')


def _tuple(host, port):
    return repr((host, int(port), 0, 0) if ':' in host else (host, int(port)))


def address_failed(number, message):
    """The exception of a failed connection or server, with the address in asyncio's notation."""
    message = _BOUND.sub(lambda found: f'error while attempting to bind on address {_tuple(found[1], found[2])}: [errno {number}] {found[3].lower()}', message)
    return OSError(number, _ADDRESS.sub(lambda found: _tuple(found[1], found[2]), message))


def lookup_failed(code, message):
    return socket.gaierror(code, message)


def transport_failed(transport, about):
    """A protocol's method has failed."""
    message, failure, is_fatal = about
    loop = transport._loop
    if is_fatal and isinstance(failure, OSError):
        if loop.get_debug():
            logger.debug('%r: %s', transport, message, exc_info=True)
        return
    loop.call_exception_handler({'message': message, 'exception': failure, 'transport': transport, 'protocol': transport.get_protocol()})


def warn_of_lost_writes(transport, _=None):
    logger.warning('socket.send() raised exception.')


# ---- foreign futures ----

def get_event_loop(*_):
    from . import events
    return events._event_loop()


def follow(other, task):
    """A future that completes with `other`, a foreign future that the coroutine of `task` has yielded."""
    loop = task.get_loop()
    get_loop = getattr(other, 'get_loop', None)
    theirs = get_loop() if get_loop is not None else getattr(other, '_loop', None)
    if theirs is not loop:
        raise RuntimeError(f'Task {task!r} got Future {other!r} attached to a different loop')
    if not other._asyncio_future_blocking:
        raise RuntimeError(f'yield was used instead of yield from in task {task!r} with {other!r}')
    other._asyncio_future_blocking = False
    follower = loop.create_future()
    other.add_done_callback(_end(follower))
    follower.add_done_callback(lambda mine: mine.cancelled() and other.cancel())
    return follower


def _end(follower):
    def end(_):
        if not follower.done():
            follower.set_result(None)
    return end
