# SPDX-License-Identifier: MIT
# needs 3.12
# X15: A failure of the task that serves a connection is reported, and ends that connection only.
import asyncio

async def serve(reader, writer):
    line = await reader.readline()
    if line == b'fail\n':
        raise OSError('told to')
    writer.write(line)
    writer.close()

async def ask(server, question):
    reader, writer = await asyncio.open_connection('127.0.0.1', server.sockets[0].getsockname()[1])
    writer.write(question)
    answer = await reader.read()
    writer.close()
    return len(answer)

async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context['message']))
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    print(await ask(server, b'fail\n'), server.is_serving())
    print(await ask(server, b'hello\n'), server.is_serving())
    server.close()
    await server.wait_closed()

asyncio.run(main())
