# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # A century: added to any time of the clock, it does not overflow.
  LONGEST = 3_000_000_000
  private_constant :LONGEST

  class << self
    # Suspends the task or scheduled fiber for the given seconds, and returns the value. 0 yields to other tasks for one iteration.
    def sleep(seconds, value = nil)
      fiber_sleep(nanoseconds(seconds)) || await(aw_sleep_coro(loop_here, nanoseconds(seconds), nil))
      value
    end

    # @private
    def nanoseconds(seconds)
      raise TypeError, "can't convert #{seconds.class} into time interval" unless seconds.is_a?(Numeric)

      seconds = [seconds, LONGEST].min
      seconds.is_a?(Integer) ? seconds * SECOND : (seconds * SECOND).ceil
    end
  end
end
