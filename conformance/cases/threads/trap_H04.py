# SPDX-License-Identifier: MIT
# H04: a coroutine that is made and never awaited does not run, and what it holds is let go of; in debug mode it is told, with
# the place where it was made.
import asyncio
import warnings


class Held:
    def __del__(self):
        count['freed'] += 1


async def c(held):
    count['ran'] += 1


async def main():
    c(Held())


def told(message, *rest):
    count['told'] += 1
    count['place'] += 'created at' in str(message)


warnings.simplefilter('always')
warnings.showwarning = told
for debug in False, True:
    count = dict.fromkeys(('ran', 'freed', 'told', 'place'), 0)
    asyncio.run(main(), debug=debug)
    print('debug', debug, 'ran', count['ran'], 'freed', count['freed'], 'with its place', count['place'])
print('told in debug mode', count['told'])
