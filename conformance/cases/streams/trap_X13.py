# SPDX-License-Identifier: MIT
# X13: Closing a server leaves its connections open, and wait_closed waits for them; they can be closed by one call.
# needs 3.13
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    for aborts in (False, True):
        accepted = loop.create_future()
        server = await asyncio.start_server(lambda r, w: accepted.set_result((r, w)), '127.0.0.1', 0)
        _, writer = await asyncio.open_connection('127.0.0.1', server.sockets[0].getsockname()[1])
        reader, peer = await accepted
        server.close()
        writer.write(b'hi\n')
        print((await reader.readline()).decode().strip(), server.is_serving(), len(server.sockets))
        try:
            await asyncio.wait_for(server.wait_closed(), 0.2)
        except TimeoutError:
            print('waits')
        server.abort_clients() if aborts else server.close_clients()
        await server.wait_closed()
        print('closed', peer.is_closing())
        writer.close()

asyncio.run(main())
