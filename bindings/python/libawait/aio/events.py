# SPDX-License-Identifier: MIT
"""The event loop: the frequently called methods are in C, and the rest of the asyncio interface is here."""
import concurrent.futures
import os
import signal
import socket
import sys
import threading
import traceback
import warnings
import weakref

from . import _aio, _support, coroutines, endpoints, processes, sockets
from ._aio import Handle, TimerHandle, get_running_loop, _get_running_loop
from ._support import logger

__all__ = ('AbstractEventLoop', 'AbstractEventLoopPolicy', 'DefaultEventLoopPolicy', 'EventLoop', 'Handle', 'Loop', 'TimerHandle', 'get_event_loop',
           'get_event_loop_policy', 'get_running_loop', 'new_event_loop', 'set_event_loop', 'set_event_loop_policy')

_loops = weakref.WeakSet()


def _run_until_complete_callback(future):
    if not future.cancelled():
        failure = future._exception
        if isinstance(failure, (SystemExit, KeyboardInterrupt)):
            return  # the loop has removed it already
    future.get_loop().stop()


class Loop(sockets.SocketCalls, endpoints.EndpointCalls, processes.ProcessCalls, _aio.Loop):
    """An event loop on a backend of libawait: asyncio's loop.

    One thread drives it; other threads may call only call_soon_threadsafe(). Always close it: its callbacks and tasks live in the library,
    where Python's garbage collector does not see them.
    """

    def __init__(self, backend=None):
        super().__init__(backend)
        self._exception_handler = None
        self._default_executor = None
        self._executor_shut = False
        self._asyncgens = weakref.WeakSet()
        self._asyncgens_shut = False
        self._signals = {}
        self._socket_waits = {}
        self._holding = 0
        self._slow = 0.1
        _loops.add(self)
        if coroutines._is_debug_mode():
            self.set_debug(True)

    def __repr__(self):
        return (f'<{type(self).__name__} backend={self.backend} running={self.is_running()} closed={self.is_closed()} '
                f'debug={self.get_debug()}>')

    def __del__(self, warn=warnings.warn):
        if not self.is_closed():
            warn(f'unclosed event loop {self!r}', ResourceWarning, source=self)
            if not self.is_running():
                self.close()

    # ---- running ----

    def _check_closed(self):
        if self.is_closed():
            raise RuntimeError('Event loop is closed')

    def _check_running(self):
        if self.is_running():
            raise RuntimeError('This event loop is already running')
        if _get_running_loop() is not None:
            raise RuntimeError('Cannot run the event loop while another loop is running')

    def _hear_signals(self):
        """Let Python's signal handlers wake the loop. Returns a function that undoes this, or None."""
        if threading.current_thread() is not threading.main_thread() or self.backend == 'virtual':
            return None  # virtual time does not advance while a descriptor is watched
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        try:
            before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        except ValueError:  # another interpreter's main thread
            ours.close()
            theirs.close()
            return None
        self._watch_signals(ours.fileno())

        def undo():
            self._watch_signals(-1)
            # If another one was set meanwhile, leave it.
            now = signal.set_wakeup_fd(before)
            if now not in (theirs.fileno(), -1):
                signal.set_wakeup_fd(now)
            ours.close()
            theirs.close()
        return undo

    def run_forever(self):
        """Run until stop()."""
        self._check_closed()
        self._check_running()
        hooks = sys.get_asyncgen_hooks()
        depth = getattr(sys, 'get_coroutine_origin_tracking_depth', int)()
        sys.set_asyncgen_hooks(firstiter=self._asyncgen_begins, finalizer=self._asyncgen_ends)
        if self.get_debug():
            sys.set_coroutine_origin_tracking_depth(_support.DEBUG_STACK_DEPTH)
        undo = self._hear_signals()
        try:
            super().run_forever()
        finally:
            if undo:
                undo()
            sys.set_asyncgen_hooks(*hooks)
            sys.set_coroutine_origin_tracking_depth(depth)

    def run_until_complete(self, future):
        """Run until the future (or coroutine) is done, and return its result."""
        from . import tasks
        self._check_closed()
        self._check_running()
        made = not _support.isfuture(future)
        future = tasks.ensure_future(future, loop=self)
        if made:
            future._log_destroy_pending = False
        future.add_done_callback(_run_until_complete_callback)
        try:
            self.run_forever()
        except BaseException:
            if made and future.done() and not future.cancelled():
                future.exception()  # already being raised
            raise
        finally:
            future.remove_done_callback(_run_until_complete_callback)
        if not future.done():
            raise RuntimeError('Event loop stopped before Future completed.')
        return future.result()

    def close(self):
        """Close the loop and drop what still waits. RuntimeError while it runs."""
        if self.is_running():
            raise RuntimeError('Cannot close a running event loop')
        if self.is_closed():
            return
        for number in list(self._signals):
            self.remove_signal_handler(number)
        self._executor_shut = True
        executor, self._default_executor = self._default_executor, None
        if executor is not None:
            executor.shutdown(wait=False)
        self._close()

    # ---- debug mode ----

    @property
    def slow_callback_duration(self):
        """In debug mode, callbacks that take at least this many seconds are logged."""
        return self._slow

    @slow_callback_duration.setter
    def slow_callback_duration(self, seconds):
        self._slow = seconds
        self._set_slow(seconds)

    def set_debug(self, enabled):
        """Turn debug mode on or off."""
        super().set_debug(enabled)
        if self.is_running():
            self.call_soon_threadsafe(sys.set_coroutine_origin_tracking_depth, _support.DEBUG_STACK_DEPTH if enabled else 0)

    # ---- unhandled failures ----

    def get_exception_handler(self):
        """The exception handler, or None for the default."""
        return self._exception_handler

    def set_exception_handler(self, handler):
        """Set the handler of otherwise unhandled failures, called as handler(loop, context); None for the default."""
        if handler is not None and not callable(handler):
            raise TypeError(f'A callable object or None is expected, got {handler!r}')
        self._exception_handler = handler

    def default_exception_handler(self, context):
        """Log the context."""
        failure = context.get('exception')
        exc_info = (type(failure), failure, failure.__traceback__) if failure is not None else False
        lines = [context.get('message') or 'Unhandled exception in event loop']
        for key in sorted(context):
            if key in ('message', 'exception'):
                continue
            value = context[key]
            if key in ('source_traceback', 'handle_traceback'):
                label = 'Object' if key == 'source_traceback' else 'Handle'
                lines.append(f'{label} created at (most recent call last):\n' + ''.join(traceback.format_list(value)).rstrip())
            else:
                lines.append(f'{key}: {value!r}')
        logger.error('\n'.join(lines), exc_info=exc_info)

    def call_exception_handler(self, context):
        """Report a failure: a dict with 'message', and any of 'exception', 'future', 'task', 'handle'."""
        for key in ('future', 'task', 'handle'):
            about = context.get(key)
            trace = getattr(about, '_source_traceback', None)
            if trace and 'source_traceback' not in context:
                context['source_traceback'] = trace
        if context.get('future') is not None and str(context.get('message', '')).startswith('Task was destroyed'):
            context['task'] = context.pop('future')
        handler = self._exception_handler
        try:
            if handler is None:
                self.default_exception_handler(context)
            else:
                about = next((context[key] for key in ('task', 'future', 'handle') if context.get(key) is not None), None)
                inside = about.get_context() if hasattr(about, 'get_context') else None
                if inside is not None and hasattr(inside, 'run'):
                    inside.run(handler, self, context)
                else:
                    handler(self, context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as failure:
            try:
                if handler is None:
                    raise
                self.default_exception_handler({'message': 'Unhandled error in exception handler', 'exception': failure, 'context': context})
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException:
                logger.error('Exception in default exception handler', exc_info=True)

    # ---- threads ----

    def run_in_executor(self, executor, function, *args):
        """Run a blocking function in an executor; returns a future for its result. None: the loop's default executor."""
        from . import futures
        self._check_closed()
        if self.get_debug():
            _support.check_callback(function, 'run_in_executor')
        if executor is None:
            if self._executor_shut:
                raise RuntimeError('Executor shutdown has been called')
            if self._default_executor is None:
                self._default_executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix='libawait')
            executor = self._default_executor
        work = futures.wrap_future(executor.submit(function, *args), loop=self)
        if self.backend == 'virtual':
            self._hold_clock(work)
        return work

    def _hold_clock(self, work):
        """Make virtual time follow real time while a thread works, by watching a descriptor."""
        if not self._holding:
            self._holder = socket.socketpair()
            self.add_reader(self._holder[0], int)
        self._holding += 1

        def let_go(_):
            self._holding -= 1
            if not self._holding:
                self.remove_reader(self._holder[0])
                for end in self._holder:
                    end.close()
        work.add_done_callback(let_go)

    def set_default_executor(self, executor):
        """Set the executor that run_in_executor(None, …) uses."""
        if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
            raise TypeError('executor must be ThreadPoolExecutor instance')
        self._default_executor = executor

    async def shutdown_default_executor(self, timeout=None):
        """Stop accepting work for the default executor, and wait for its threads."""
        self._executor_shut = True
        executor = self._default_executor
        if executor is None:
            return
        ended = self.create_future()

        def work():
            try:
                executor.shutdown(wait=True)
                self.call_soon_threadsafe(lambda: ended.done() or ended.set_result(None))
            except Exception as failure:
                if not self.is_closed():
                    self.call_soon_threadsafe(lambda failure=failure: ended.done() or ended.set_exception(failure))

        from . import timeouts
        thread = threading.Thread(target=work)
        thread.start()
        if self.backend == 'virtual':
            self._hold_clock(ended)
        try:
            async with timeouts.timeout(timeout):
                await ended
        except TimeoutError:
            warnings.warn(f'The executor did not finish joining its threads within {timeout} seconds.', RuntimeWarning, stacklevel=2)
            executor.shutdown(wait=False)
        else:
            thread.join()

    # ---- asynchronous generators ----

    def _asyncgen_begins(self, generator):
        if self._asyncgens_shut:
            warnings.warn(f'asynchronous generator {generator!r} was scheduled after loop.shutdown_asyncgens() call', ResourceWarning,
                          source=self)
        self._asyncgens.add(generator)

    def _asyncgen_ends(self, generator):
        self._asyncgens.discard(generator)
        if not self.is_closed():
            self.call_soon_threadsafe(self.create_task, generator.aclose())

    async def shutdown_asyncgens(self):
        """Close every asynchronous generator that is not exhausted."""
        from . import tasks
        self._asyncgens_shut = True
        closing = list(self._asyncgens)
        self._asyncgens.clear()
        if not closing:
            return
        results = await tasks.gather(*[generator.aclose() for generator in closing], return_exceptions=True)
        for result, generator in zip(results, closing):
            if isinstance(result, Exception):
                self.call_exception_handler({'message': f'an error occurred during closing of asynchronous generator {generator!r}',
                                             'exception': result, 'asyncgen': generator})

    # ---- descriptors and signals ----

    def add_reader(self, fd, callback, *args):
        """Call callback(*args) whenever `fd` is readable."""
        self._check_closed()
        self._add_reader(fd if isinstance(fd, int) else fd.fileno(), callback, args)

    def add_writer(self, fd, callback, *args):
        """Call callback(*args) whenever `fd` is writable."""
        self._check_closed()
        self._add_writer(fd if isinstance(fd, int) else fd.fileno(), callback, args)

    def remove_reader(self, fd):
        """Remove the callback; returns whether there was one."""
        return self._remove_reader(fd if isinstance(fd, int) else fd.fileno())

    def remove_writer(self, fd):
        """Remove the callback; returns whether there was one."""
        return self._remove_writer(fd if isinstance(fd, int) else fd.fileno())

    def add_signal_handler(self, number, callback, *args):
        """Call callback(*args) from the loop for each delivery of a signal."""
        _support.check_callback(callback, 'add_signal_handler')
        self._check_signal(number)
        self._check_closed()
        try:
            self._add_signal(number, callback, args)
        except OSError as failure:
            raise RuntimeError(f'sig {number} cannot be caught') from failure
        self._signals[number] = callback

    def remove_signal_handler(self, number):
        """Remove the callback; returns whether there was one."""
        self._check_signal(number)
        self._signals.pop(number, None)
        return self._remove_signal(number)

    @staticmethod
    def _check_signal(number):
        if not isinstance(number, int):
            raise TypeError(f'sig must be an int, not {number!r}')
        if number not in signal.valid_signals():
            raise ValueError(f'invalid signal number {number}')


AbstractEventLoop = EventLoop = Loop


def new_event_loop(backend=None):
    """Create a loop. `backend` is a name or a list of names in order of preference; None: AWAIT_BACKEND, else epoll."""
    if backend is not None or _policy is None:
        return Loop(backend)
    return _policy.new_event_loop()


# ---- the current loop of a thread ----

class AbstractEventLoopPolicy:
    """The policy that get_event_loop(), set_event_loop() and new_event_loop() use."""

    def get_event_loop(self):
        raise NotImplementedError

    def set_event_loop(self, loop):
        raise NotImplementedError

    def new_event_loop(self):
        raise NotImplementedError

    def get_child_watcher(self):
        raise NotImplementedError


def _warn_of_caller(text):
    """A DeprecationWarning that names the line of the program that has called this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get('__name__', '').startswith('libawait.aio.'):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, DeprecationWarning, stacklevel=level)


class DefaultEventLoopPolicy(AbstractEventLoopPolicy):
    """One loop per thread; the main thread's is created on first use."""

    _loop_factory = Loop

    def __init__(self):
        self._local = threading.local()

    def get_event_loop(self):
        if (getattr(self._local, 'loop', None) is None and not getattr(self._local, 'was_set', False)
                and threading.current_thread() is threading.main_thread()):
            if sys.version_info >= (3, 12):  # since when CPython warns
                _warn_of_caller('There is no current event loop')
            self.set_event_loop(self.new_event_loop())
        loop = getattr(self._local, 'loop', None)
        if loop is None:
            raise RuntimeError(f'There is no current event loop in thread {threading.current_thread().name!r}.')
        return loop

    def set_event_loop(self, loop):
        if loop is not None and not isinstance(loop, _aio.Loop):
            raise TypeError(f"loop must be an instance of libawait.aio's Loop or None, not '{type(loop).__name__}'")
        self._local.was_set = True
        self._local.loop = loop

    def new_event_loop(self):
        return self._loop_factory()


_policy = None


def get_event_loop_policy():
    """The current policy."""
    global _policy
    if _policy is None:
        _policy = DefaultEventLoopPolicy()
    return _policy


def set_event_loop_policy(policy):
    """Set the policy; None for the default."""
    global _policy
    if policy is not None and not isinstance(policy, AbstractEventLoopPolicy):
        raise TypeError(f'policy must be an instance of AbstractEventLoopPolicy or None, not {type(policy).__name__!r}')
    _policy = policy


def _event_loop():
    return get_event_loop_policy().get_event_loop()


def get_event_loop():
    """The running loop, else the current loop of this thread."""
    running = _get_running_loop()
    return running if running is not None else _event_loop()


def set_event_loop(loop):
    """Set the current loop of this thread."""
    get_event_loop_policy().set_event_loop(loop)


def _after_fork():
    """In a forked child: abandon the inherited loops, which it may not use."""
    for loop in list(_loops):
        loop._abandon()
    if _policy is not None and isinstance(_policy, DefaultEventLoopPolicy):
        _policy._local = threading.local()


os.register_at_fork(after_in_child=_after_fork)
