# SPDX-License-Identifier: MIT
"""TLS over the library's streams: the standard library's SSLProtocol between a transport and the program's protocol."""
import sys

from . import constants, protocols


def check_options(ssl, **only_with_it):
    """ValueError for options that mean nothing without TLS."""
    for name, value in only_with_it.items():
        if value is not None and not ssl:
            raise ValueError(f'{name} is only meaningful with ssl')


def check_server_options(ssl, **only_with_it):
    """The same for a server, which has no default context."""
    if isinstance(ssl, bool):
        raise TypeError('ssl argument must be an SSLContext or None')
    check_options(ssl, **only_with_it)


def check_socket(sock):
    """TypeError for a socket that does TLS by itself."""
    ssl = sys.modules.get('ssl')
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError('Socket cannot be of type SSLSocket')


def server_hostname_of(ssl, server_hostname, host):
    """The name that the peer's certificate has to have."""
    if server_hostname is None and ssl:
        if not host:
            raise ValueError('You must set server_hostname when using ssl without a host')
        return host
    return server_hostname


def options(ssl, ssl_handshake_timeout, ssl_shutdown_timeout, *, server_side=False, server_hostname=None):
    """What layer() needs, or None without TLS."""
    if not ssl:
        return None
    return {'sslcontext': None if isinstance(ssl, bool) else ssl, 'server_side': server_side, 'server_hostname': server_hostname,
            'ssl_handshake_timeout': ssl_handshake_timeout, 'ssl_shutdown_timeout': ssl_shutdown_timeout}


def layer(loop, protocol, waiter, given, **more):
    """The protocol that does TLS for another protocol."""
    from . import sslproto  # imports ssl, which most programs do not need
    return sslproto.SSLProtocol(loop, protocol, waiter=waiter, **given, **more)


def server_factory(loop, protocol_factory, given):
    """The factory of a server's protocols, with TLS between."""
    if given is None:
        return protocol_factory

    def factory():
        protocol = protocol_factory()
        waiter = loop.create_future()
        between = layer(loop, protocol, waiter, given)
        transport = between._get_app_transport()

        def shaken(waiter):
            failure = None if waiter.cancelled() else waiter.exception()
            if failure is None:
                return
            transport.close()
            if loop.get_debug():
                loop.call_exception_handler({'message': 'Error on transport creation for incoming connection', 'exception': failure,
                                             'protocol': protocol, 'transport': transport})
        waiter.add_done_callback(shaken)
        return between
    return factory


async def start(loop, transport, protocol, sslcontext, **given):
    """loop.start_tls()"""
    import ssl
    if not isinstance(sslcontext, ssl.SSLContext):
        raise TypeError(f'sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}')
    if not getattr(transport, '_start_tls_compatible', False):
        raise TypeError(f'transport {transport!r} is not supported by start_tls()')
    waiter = loop.create_future()
    between = layer(loop, protocol, waiter, {'sslcontext': sslcontext, **given}, call_connection_made=False)
    # No byte reaches the layer before it has its transport.
    transport.pause_reading()
    transport.set_protocol(between)
    begin = loop.call_soon(between.connection_made, transport)
    resume = loop.call_soon(transport.resume_reading)
    try:
        await waiter
    except BaseException:
        transport.close()
        begin.cancel()
        resume.cancel()
        raise
    return between._app_transport


def sends_blocks(transport):
    """Whether a file is sent over it in blocks, because each has to be encrypted."""
    return getattr(transport, '_sendfile_compatible', None) is constants._SendfileMode.FALLBACK


class BlockSender(protocols.Protocol):
    """In the place of a transport's protocol while a file is sent: waits until the transport takes more."""

    def __init__(self, loop, transport):
        self._loop = loop
        self._transport = transport
        self._protocol = transport.get_protocol()
        self._was_reading = transport.is_reading()
        self._was_paused = transport._protocol_paused
        self._waiter = loop.create_future() if self._was_paused else None
        transport.pause_reading()
        transport.set_protocol(self)

    async def send(self, block):
        """Send a block, once there is room."""
        if self._transport.is_closing():
            raise ConnectionError('Connection closed by peer')
        if self._waiter is not None:
            await self._waiter
        self._transport.write(bytes(block))  # which may keep it

    def restore(self):
        """Give the transport its protocol back."""
        self._transport.set_protocol(self._protocol)
        if self._was_reading:
            self._transport.resume_reading()
        if self._waiter is not None:
            self._waiter.cancel()
        if self._was_paused:
            self._protocol.resume_writing()

    def connection_lost(self, exc):
        if self._waiter is not None:
            self._waiter.set_exception(exc or ConnectionError('Connection is closed by peer'))
        self._protocol.connection_lost(exc)

    def pause_writing(self):
        if self._waiter is None:
            self._waiter = self._loop.create_future()

    def resume_writing(self):
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None
