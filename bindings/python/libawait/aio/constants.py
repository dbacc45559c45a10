# SPDX-License-Identifier: MIT
"""asyncio.constants, for the other modules of the standard library."""
from . import _stdlib

_stdlib.run('constants', globals())
