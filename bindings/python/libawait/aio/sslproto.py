# SPDX-License-Identifier: MIT
"""asyncio.sslproto: TLS as a protocol over a transport, with Python's SSLContext. tls.py uses it."""
from . import _stdlib

_stdlib.run('sslproto', globals())
