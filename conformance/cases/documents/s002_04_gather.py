# SPDX-License-Identifier: MIT
# Document 002, gather fragment.  Fix: "async def"; work() supplied.
import asyncio

async def work(n, d):
    await asyncio.sleep(d)
    print('done', n)
    return n

async def run_aws(aws: list):
    result_list = await asyncio.gather(*aws)
    return result_list

print(asyncio.run(run_aws([work('a', 0.3), work('b', 0.1), work('c', 0.2)])))
