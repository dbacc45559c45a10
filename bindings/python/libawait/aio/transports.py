# SPDX-License-Identifier: MIT
"""The bases of transports, for programs that check or implement them. The library's own are in connections.py."""

__all__ = ('BaseTransport', 'DatagramTransport', 'ReadTransport', 'SubprocessTransport', 'Transport', 'WriteTransport')


def limits(high, low):
    """The marks (high, low) that are meant, each of which follows from the other."""
    if high is None:
        high = 64 * 1024 if low is None else 4 * low
    if low is None:
        low = high // 4
    if not high >= low >= 0:
        raise ValueError(f'high ({high!r}) must be >= low ({low!r}) must be >= 0')
    return high, low


class BaseTransport:
    """What the transports have in common."""

    def __init__(self, extra=None):
        self._extra = {} if extra is None else extra

    def get_extra_info(self, name, default=None):
        """Return something about the transport by its name."""
        return self._extra.get(name, default)

    def is_closing(self):
        """Return whether it is closed or closing."""
        raise NotImplementedError

    def close(self):
        """Close it once everything queued is sent."""
        raise NotImplementedError

    def set_protocol(self, protocol):
        """Set the protocol."""
        raise NotImplementedError

    def get_protocol(self):
        """Return the protocol."""
        raise NotImplementedError


class ReadTransport(BaseTransport):
    """One that receives."""

    def is_reading(self):
        """Return whether it receives."""
        raise NotImplementedError

    def pause_reading(self):
        """Receive nothing until resume_reading()."""
        raise NotImplementedError

    def resume_reading(self):
        """Receive again."""
        raise NotImplementedError


class WriteTransport(BaseTransport):
    """One that sends."""

    def set_write_buffer_limits(self, high=None, low=None):
        """Set the marks of pause_writing() and resume_writing()."""
        raise NotImplementedError

    def get_write_buffer_size(self):
        """Return how many bytes are queued."""
        raise NotImplementedError

    def get_write_buffer_limits(self):
        """Return the marks (low, high)."""
        raise NotImplementedError

    def write(self, data):
        """Send data, without waiting."""
        raise NotImplementedError

    def writelines(self, list_of_data):
        """Send each item of an iterable."""
        self.write(b''.join(list_of_data))

    def write_eof(self):
        """End the outgoing direction once everything is sent."""
        raise NotImplementedError

    def can_write_eof(self):
        """Return whether write_eof() is possible."""
        raise NotImplementedError

    def abort(self):
        """Close it at once."""
        raise NotImplementedError


class Transport(ReadTransport, WriteTransport):
    """One that does both."""


class _FlowControlMixin(Transport):
    """The base that the standard library's transport of TLS names, and whose methods it replaces."""


class DatagramTransport(BaseTransport):
    """One for datagrams."""

    def sendto(self, data, addr=None):
        """Send a datagram, without waiting."""
        raise NotImplementedError

    def abort(self):
        """Close it at once."""
        raise NotImplementedError


class SubprocessTransport(BaseTransport):
    """A child process."""

    def get_pid(self):
        """Return its process id."""
        raise NotImplementedError

    def get_returncode(self):
        """Return its exit status, or None while it runs."""
        raise NotImplementedError

    def get_pipe_transport(self, fd):
        """Return the transport of pipe 0, 1 or 2."""
        raise NotImplementedError

    def send_signal(self, signal):
        """Send a signal."""
        raise NotImplementedError

    def terminate(self):
        """Send SIGTERM."""
        raise NotImplementedError

    def kill(self):
        """Send SIGKILL."""
        raise NotImplementedError
