# SPDX-License-Identifier: MIT
# How many iterations after close_clients() or abort_clients() a wait for the server's end continues; its port is free then.
# needs 3.13
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    for aborts in (False, True):
        accepted = loop.create_future()
        server = await asyncio.start_server(lambda reader, writer: accepted.set_result((reader, writer)), '127.0.0.1', 0)
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection('127.0.0.1', port)
        await accepted
        waits = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(0)
        server.close()
        server.abort_clients() if aborts else server.close_clients()
        for turn in range(3):
            print(turn, waits.done())
            await asyncio.sleep(0)
        await waits
        again = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', port)
        print('again')
        again.close()
        await again.wait_closed()
        writer.close()

asyncio.run(main())
