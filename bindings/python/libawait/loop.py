# SPDX-License-Identifier: MIT
"""An asyncio event loop on libawait.

libawait implements the ready queue, timers, I/O readiness, signals and child processes, on any of its backends. Transports, streams, TLS, tasks
and futures are CPython's own. `EventLoop` implements the whole interface of asyncio.SelectorEventLoop.
"""
import asyncio
import collections
import inspect
import os
import selectors
import signal
import socket
import sys
import threading
from asyncio import coroutines, events, unix_events
from asyncio.log import logger

from . import _loop

__all__ = ('EventLoop', 'EventLoopPolicy', 'install', 'new_event_loop', 'run')


class _Selector(selectors.BaseSelector):
    """A read-only view of the watched descriptors, for code that uses `loop._selector`. Use add_reader() and add_writer() to watch."""

    def __init__(self, loop):
        self._loop = loop

    def get_map(self):
        readers, writers = self._loop._watched()
        return {fd: selectors.SelectorKey(fd, fd, selectors.EVENT_READ * (fd in readers) | selectors.EVENT_WRITE * (fd in writers),
                                          (readers.get(fd), writers.get(fd)))
                for fd in {**readers, **writers}}

    def get_key(self, fileobj):
        return self.get_map()[fileobj if isinstance(fileobj, int) else fileobj.fileno()]

    def register(self, fileobj, events, data=None):
        raise NotImplementedError('use add_reader() and add_writer()')

    def unregister(self, fileobj):
        raise NotImplementedError('use remove_reader() and remove_writer()')

    def select(self, timeout=None):
        raise NotImplementedError('the loop waits by itself')

    def close(self):
        self._loop = None


class _Bell:
    """A socket pair that CPython's C signal handler writes to, so that a wait ends for handlers that are run in Python."""

    hung = None  # the installed one

    def __init__(self):
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.writer.setblocking(False)

    def __enter__(self):
        self.before = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        _Bell.hung = self

    def __exit__(self, *exc):
        _Bell.hung = None
        # If another one was set meanwhile, leave it.
        now = signal.set_wakeup_fd(self.before)
        if now not in (self.writer.fileno(), -1):
            signal.set_wakeup_fd(now)

    def close(self):
        self.reader.close()
        self.writer.close()


def _is_main_thread():
    return threading.get_ident() == threading.main_thread().ident


# How many loops watch each signal: the last one restores the default.
_signal_watchers = collections.Counter()


class EventLoop(_loop.Core, asyncio.SelectorEventLoop):
    """An event loop for asyncio.

    `backend` is a name ('epoll', 'uring', 'uv', 'ev', 'virtual'), the path of a plug-in, or a list in order of preference ('uring,epoll'); None
    means AWAIT_BACKEND from the environment, else 'epoll'. Raises RuntimeError with the reason if none is usable.

    Close it with close(). Other threads may call only call_soon_threadsafe(), and asyncio functions based on it. In a forked child it is closed.
    """

    def __init__(self, backend=None):
        self._open(backend)
        self._bell = None
        super().__init__(_Selector(self))

    # --- the loop's own descriptors

    def _make_self_pipe(self):
        # libawait's own wake-up descriptor counts as one.
        self._ssock = self._csock = None
        self._internal_fds += 1

    def _close_self_pipe(self):
        self._internal_fds -= 1

    def close(self):
        """Close the loop: drop what is scheduled or watched, and restore signal handlers. RuntimeError while it runs."""
        if self.is_running():
            raise RuntimeError('Cannot close a running event loop')
        if self.is_closed():
            return
        if not sys.is_finalizing():
            for sig in list(self._signal_handlers):
                self.remove_signal_handler(sig)
        self._set_bell(-1)
        super().close()
        self._shut()
        if self._bell is not None:
            self._bell.close()
            self._bell = None

    # --- running

    def run_forever(self):
        """Run until stop() is called."""
        self._check_closed()
        self._check_running()
        self._set_coroutine_origin_tracking(self._debug)
        hooks = sys.get_asyncgen_hooks()
        try:
            self._thread_id = threading.get_ident()
            sys.set_asyncgen_hooks(firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook)
            events._set_running_loop(self)
            if _is_main_thread():
                self._run_with_bell()
            else:
                self._run()
        finally:
            self._stopping = False
            self._thread_id = None
            events._set_running_loop(None)
            self._set_coroutine_origin_tracking(False)
            sys.set_asyncgen_hooks(*hooks)

    def _run_with_bell(self):
        if self._bell is None:
            self._bell = _Bell()
            self._set_bell(self._bell.reader.fileno())
        with self._bell:
            self._run()

    def _add_callback(self, handle):
        if not handle._cancelled:
            self.call_soon(handle._run)

    # --- signals

    def add_signal_handler(self, sig, callback, *args):
        """Call the callback from the loop once for each delivery of the signal. Main thread only, as in asyncio."""
        if coroutines.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError('coroutines cannot be used with add_signal_handler()')
        self._check_signal(sig)
        self._check_closed()
        if not _is_main_thread():
            raise RuntimeError('signal handlers can be set in the main thread only')
        try:
            # The handler from Python's point of view. libawait then installs its own, which the kernel calls.
            signal.signal(sig, unix_events._sighandler_noop)
            handle = self._watch_signal(sig, callback, *args)
        except OSError as exc:
            raise RuntimeError(f'sig {sig} cannot be caught') from exc
        if sig not in self._signal_handlers:
            _signal_watchers[sig] += 1
        self._signal_handlers[sig] = handle

    def remove_signal_handler(self, sig):
        """Remove the handler; the last loop to do so restores the signal's default. Return whether there was one."""
        self._check_signal(sig)
        if self._signal_handlers.pop(sig, None) is None:
            return False
        self._unwatch_signal(sig)
        _signal_watchers[sig] -= 1
        if not _signal_watchers[sig]:
            signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        return True

    # --- children

    async def _make_subprocess_transport(self, protocol, args, shell, stdin, stdout, stderr, bufsize, extra=None, **kwargs):
        waiter = self.create_future()
        transport = unix_events._UnixSubprocessTransport(self, protocol, args, shell, stdin, stdout, stderr, bufsize,
                                                         waiter=waiter, extra=extra, **kwargs)

        def ended(pid, returncode):
            # Popen.send_signal() or poll() may have reaped it first; then only they know the status.
            known = transport._proc.returncode if transport._proc is not None else None
            if known is None and returncode == 255:
                logger.debug('child process %d ended with 255, or its status was taken by another', pid)
            transport._process_exited(returncode if known is None else known)

        pid = transport.get_pid()
        try:
            self._watch_child(pid, ended)
        except (ChildProcessError, ProcessLookupError):
            logger.warning('Unknown child process pid %d, will report returncode 255', pid)
            self.call_soon(ended, pid, 255)
        except BaseException:
            # For example, no descriptor is left. Closing kills the child.
            transport.close()
            raise
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            transport.close()
            await transport._wait()
            raise
        return transport


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """An event loop policy that creates an EventLoop whenever asyncio creates a loop."""

    _loop_factory = EventLoop


def new_event_loop(backend=None):
    """Create an event loop: `asyncio.Runner(loop_factory=libawait.new_event_loop)`, and from Python 3.12 on `asyncio.run(main(), loop_factory=…)`."""
    return EventLoop(backend)


def install():
    """Make asyncio create only EventLoop instances from now on."""
    asyncio.set_event_loop_policy(EventLoopPolicy())


def run(main, *, backend=None, debug=None):
    """asyncio.run() on an EventLoop: run the coroutine and return its result."""
    if not coroutines.iscoroutine(main):
        raise ValueError(f'a coroutine was expected, got {main!r}')
    with asyncio.Runner(debug=debug, loop_factory=lambda: EventLoop(backend)) as runner:
        return runner.run(main)


def _after_fork():
    """A forked child may neither use its parent's loops nor write to their wake-up descriptors."""
    _loop.abandon_all()
    if _Bell.hung is not None:
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_after_fork)
