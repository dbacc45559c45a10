# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # Seconds that fit the clock beside any time of it: a century.
  LONGEST = 3_000_000_000
  private_constant :LONGEST

  class << self
    # Suspends the task or scheduled fiber for so many seconds, and gives the value; 0 lets others run for one iteration.
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
