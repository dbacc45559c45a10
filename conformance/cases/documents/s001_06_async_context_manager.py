# SPDX-License-Identifier: MIT
# Document 001, example 5 (async context manager).  Fix: random is seeded.  The last part is the document's expansion of
# "async with", made runnable.
import asyncio
import random
random.seed(20240505)


class WebSocketClient:
    def __init__(self, name, total_messages=5):
        self.name = name
        self.total_messages = total_messages
        self.received = 0
        self.connected = False

    async def __aenter__(self):
        print(f"🔌 {self.name} connecting...")
        await asyncio.sleep(0.5)
        self.connected = True
        print(f"✅ {self.name} connected")
        return self

    async def __aexit__(self, exc_type, exc, tb):
        print(f"❌ {self.name} disconnecting...")
        await asyncio.sleep(0.5)
        self.connected = False
        print(f"✅ {self.name} disconnected")

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.received >= self.total_messages:
            raise StopAsyncIteration
        await asyncio.sleep(random.uniform(0.5, 1.5))
        self.received += 1
        return self.received

    async def listen(self):
        async for msg in self:
            print(f"📩 Message for {self.name}: {msg}")


async def main():
    async with WebSocketClient("ClientA") as c1, WebSocketClient("ClientB") as c2:
        await asyncio.gather(
            c1.listen(),
            c2.listen(),
        )
    resource = WebSocketClient("ClientC")
    r = await resource.__aenter__()
    try:
        print(r is resource)
    finally:
        await resource.__aexit__(None, None, None)


if __name__ == "__main__":
    asyncio.run(main())
