# SPDX-License-Identifier: MIT
# Document 001, example 4 (async iterator).  Fix: random is seeded.  The second part is the document's expansion of "async for",
# made runnable.
import asyncio
import random
random.seed(20240504)


class WebSocketClient:
    def __init__(self, name, total_messages=5):
        self.name = name
        self.total_messages = total_messages
        self.received = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.received >= self.total_messages:
            raise StopAsyncIteration
        await asyncio.sleep(random.uniform(0.5, 2))
        self.received += 1
        return f"Message for {self.name}: {self.received}"

    async def listen(self):
        async for msg in self:
            print("📩", msg)


async def main():
    client1 = WebSocketClient("ClientA")
    client2 = WebSocketClient("ClientB")

    await asyncio.gather(
        client1.listen(),
        client2.listen(),
    )
    iterator = WebSocketClient("ClientC", 2).__aiter__()
    while True:
        try:
            item = await iterator.__anext__()
            print(item)
        except StopAsyncIteration:
            break


if __name__ == "__main__":
    asyncio.run(main())
