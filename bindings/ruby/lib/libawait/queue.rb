# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # asyncio.Queue. new_priority takes a comparison block; new_lifo returns the newest item first.
  class Queue
    # Returns the next item; waits while the queue is empty.
    def get = empty ? super : get_nowait

    # Adds an item; waits while the queue is full.
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
