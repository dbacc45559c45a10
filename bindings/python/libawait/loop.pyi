# SPDX-License-Identifier: MIT
import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from . import _loop

_T = TypeVar('_T')

class EventLoop(_loop.Core, asyncio.SelectorEventLoop):  # type: ignore[misc]
    """asyncio's event loop interface, whole, on libawait."""
    def __init__(self, backend: str | None = None) -> None: ...

class EventLoopPolicy(asyncio.DefaultEventLoopPolicy): ...

def new_event_loop(backend: str | None = None) -> EventLoop: ...
def install() -> None: ...
def run(main: Coroutine[Any, Any, _T], *, backend: str | None = None, debug: bool | None = None) -> _T: ...
