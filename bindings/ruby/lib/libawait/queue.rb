# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # asyncio.Queue; new_priority takes a block that compares, new_lifo gives the latest first.
  class Queue
    # The next item, waiting for one.
    def get = empty ? super : get_nowait

    # Adds an item, waiting for room.
    # @return [nil]
    def put(item)
      full ? super : put_nowait(item)
      nil
    end

    # How many items are queued.
    alias size qsize
    alias length qsize
  end
end
