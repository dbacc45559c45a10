# SPDX-License-Identifier: MIT
# X02: At the end readline gives the line that was begun, then nothing; readexactly and readuntil fail and tell what arrived.
import asyncio

def ended(data):
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader

async def main():
    reader = ended(b'par')
    print((await reader.readline()).decode())
    print(len(await reader.readline()), len(await reader.read(9)), len(await reader.read()), reader.at_eof())
    reader = ended(b'abc')
    try:
        await reader.readexactly(5)
    except asyncio.IncompleteReadError as e:
        print('incomplete', e.partial.decode())
    reader = ended(b'abc')
    try:
        await reader.readuntil(b'\n')
    except asyncio.IncompleteReadError as e:
        print('incomplete', e.partial.decode())

asyncio.run(main())
