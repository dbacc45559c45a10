# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # The outcomes of several futures, in argument order.
  class Results
    include Enumerable

    # @return [Integer]
    def size = Libawait.aw_results_count(self)

    # The values; raises the first failure. With `errors: true`, returns each failure in place of the value.
    def to_a(errors: false)
      Array.new(size) do |index|
        get(index)
      rescue StandardError, Cancelled => e
        errors ? e : raise
      end
    end

    # Yields each value; raises the first failure.
    def each(&) = to_a.each(&)
  end

  class << self
    # A future for all values, in order.
    def gather(*awaitables, return_errors: false)
      futures = awaitables.map { |one| future_of(one) }
      gathered = aw_gather(loop_here, futures, return_errors ? AW_GATHER_RETURN_ERRORS : AW_GATHER_DEFAULT)
      gathered.reader = ->(value) { read_all(futures, value.results, return_errors) }
      gathered
    end

    # A future that can be cancelled without cancelling the one it shields.
    def shield(awaitable)
      future = future_of(awaitable)
      shielded = aw_shield(future)
      shielded.reader = future.reader
      shielded.keeps = future
      shielded
    end

    private

    def read_all(futures, results, return_errors)
      values = results.to_a(errors: return_errors)
      values.zip(futures).map { |value, future| value.is_a?(Exception) ? value : future.read(value) }
    end
  end
end
