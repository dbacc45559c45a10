# SPDX-License-Identifier: MIT
"""asyncio.base_subprocess: the transport of a child process, over the transports of its pipes. processes.py starts the child."""
from . import _stdlib

_stdlib.run('base_subprocess', globals())
