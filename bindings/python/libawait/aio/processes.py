# SPDX-License-Identifier: MIT
"""The loop's methods that start child processes: transports over children of the library, which are awaited through pidfds."""
import os
import select
import signal
import subprocess

from . import _aio, base_subprocess
from .log import logger

_INHERIT, _PIPE, _NULL, _FD, _STDOUT = range(5)
_GROUP, _SESSION, _KEEP_FDS = 1, 2, 8
# The options of subprocess.Popen that the library has as well, and the others as long as they mean nothing.
_OPTIONS = {'cwd', 'env', 'start_new_session', 'process_group', 'close_fds'}
_NOTHING = {'creationflags': 0, 'executable': None, 'extra_groups': None, 'group': None, 'pass_fds': (), 'pipesize': -1, 'preexec_fn': None,
            'restore_signals': True, 'startupinfo': None, 'umask': -1, 'user': None}


def _is_native(options):
    """Whether the library can start a child with such options."""
    others = options.keys() - _OPTIONS
    return options.get('process_group') in (None, -1, 0) and all(name in _NOTHING and options[name] == _NOTHING[name] for name in others)


def _how(what, number):
    if what is None:
        return _INHERIT, -1
    if what == subprocess.PIPE:
        return _PIPE, -1
    if what == subprocess.DEVNULL:
        return _NULL, -1
    if what == subprocess.STDOUT:
        if number != 2:
            raise ValueError('STDOUT can only be used for stderr')
        return _STDOUT, -1
    return _FD, what if isinstance(what, int) else what.fileno()


class Child:
    """A child that the library has started, with the part of subprocess.Popen's interface that a transport needs."""

    def __init__(self, loop, args, shell, streams, cwd=None, env=None, start_new_session=False, process_group=None, close_fds=True, **nothing):
        self.args = args
        self.returncode = None
        words = ['/bin/sh', '-c', args] if shell else args
        environment = None if env is None else [os.fsencode(name) + b'=' + os.fsencode(value) for name, value in env.items()]
        streams = tuple(_how(what, number) for number, what in enumerate(streams))
        flags = (_SESSION if start_new_session else 0) | (_GROUP if process_group == 0 else 0) | (0 if close_fds else _KEEP_FDS)
        self._c = _aio.Process(loop, [os.fsencode(word) for word in words], streams, None if cwd is None else os.fsencode(cwd), environment, flags)
        self.pid = self._c.pid
        self.stdin, self.stdout, self.stderr = (
            open(self._c.take_pipe(number), 'rb' if number else 'wb', buffering=0) if how == _PIPE else None
            for number, (how, _) in enumerate(streams))

    def __repr__(self):
        return f'<{type(self).__name__} pid={self.pid} returncode={self.returncode} args={self.args!r}>'

    def poll(self):
        """The exit status, or None while it runs; also before the loop has noticed the exit, which it still does."""
        if self.returncode is None:
            self.returncode = self._c.returncode
        if self.returncode is None:
            try:
                ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                self.returncode = 255  # other code has reaped it
            else:
                if ended is not None:
                    self.returncode = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        return self.returncode

    def wait(self, timeout=None):
        """Block the thread until it exits; returns the exit status."""
        if self.poll() is None:
            fd = os.pidfd_open(self.pid)
            try:
                if not select.select([fd], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(self.args, timeout)
            finally:
                os.close(fd)
        return self.poll()

    def send_signal(self, number):
        """Send a signal, unless the process has ended."""
        try:
            self._c.send_signal(number)
        except ProcessLookupError:
            pass

    def terminate(self):
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class SubprocessTransport(base_subprocess.BaseSubprocessTransport):
    """The transport of a child process."""

    def _start(self, args, shell, stdin, stdout, stderr, bufsize, **options):
        loop = self._loop
        if _is_native(options):
            self._proc = Child(loop, args, shell, (stdin, stdout, stderr), **options)
            c = self._proc._c
        else:
            self._proc = subprocess.Popen(args, shell=shell, stdin=stdin, stdout=stdout, stderr=stderr, bufsize=bufsize, **options)
            c = _aio.Process.adopt(loop, self._proc.pid)
        self._send_signal = c.send_signal
        # As in asyncio, what the exit has made ready is handled first.
        c.wait().add_done_callback(lambda exited: loop.call_soon(self._process_exited, exited.result()))

    def send_signal(self, number):
        """Send a signal, unless the process has ended."""
        self._check_proc()
        try:
            self._send_signal(number)
        except ProcessLookupError:
            pass

    def terminate(self):
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ProcessCalls:
    """Mixed into the loop."""
    __slots__ = ()

    async def subprocess_exec(self, protocol_factory, program, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, shell=False,
                              **options):
        """Start a program with arguments, and subprocess.Popen's options. Returns the transport and the protocol."""
        if shell:
            raise ValueError('shell must be False')
        return await self._start_process(protocol_factory, (program, *args), False, stdin, stdout, stderr, **options)

    async def subprocess_shell(self, protocol_factory, cmd, *, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, shell=True,
                               **options):
        """Start `/bin/sh -c cmd`. Never pass untrusted text. Returns the transport and the protocol."""
        if not isinstance(cmd, (bytes, str)):
            raise ValueError('cmd must be a string')
        if not shell:
            raise ValueError('shell must be True')
        return await self._start_process(protocol_factory, cmd, True, stdin, stdout, stderr, **options)

    async def _start_process(self, protocol_factory, args, shell, *streams, universal_newlines=False, bufsize=0, encoding=None, errors=None, text=None,
                             **options):
        for name, value in (('universal_newlines', universal_newlines), ('text', text)):
            if value:
                raise ValueError(f'{name} must be False')
        if bufsize != 0:
            raise ValueError('bufsize must be 0')
        for name, value in (('encoding', encoding), ('errors', errors)):
            if value is not None:
                raise ValueError(f'{name} must be None')
        protocol = protocol_factory()
        waiter = self.create_future()
        transport = SubprocessTransport(self, protocol, args, shell, *streams, bufsize, waiter=waiter, **options)
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            transport.close()
            await transport._wait()
            raise
        if self.get_debug():
            logger.info('%s %r: %r', 'run shell command' if shell else 'execute program', args if shell else args[0], transport)
        return transport, protocol
