# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # What libawait's exceptions have in common: a code, its name, and the parts of a group.
  module Coded
    # @return [Integer] of AW_E…
    attr_reader :code
    # @return [Array<Exception>] what a group is made of
    attr_reader :errors

    # @param message [String, nil] nil: the code's text
    def initialize(message = nil, code: AW_EHOST, errors: [])
      super(message || Libawait.aw_strerror(code))
      @code = code
      @errors = errors
    end

    # The code's name.
    # @return [String]
    def name = Libawait.aw_err_name(code)
  end

  # A failure of libawait's.
  class Error < StandardError
    include Coded
  end

  # The task or future was cancelled. No StandardError, as in asyncio: a bare `rescue` does not swallow it.
  class Cancelled < Exception # rubocop:disable Lint/InheritException
    include Coded

    def initialize(message = nil, code: AW_ECANCELLED, errors: []) = super
  end

  # The limit passed.
  class Timeout < Error
    def initialize(message = nil, code: AW_ETIMEOUT, errors: []) = super
  end

  # The time given to a wait passed, and what it waits for is still pending: {ConcurrentFuture#value}, `Executor#shutdown_wait`. A task
  # that itself ran into a limit raises a plain {Timeout}.
  class Pending < Timeout
    def initialize(message = nil, code: AW_EPENDING, errors: []) = super
  end

  # The loop was stopped before what it ran for was done.
  class Stopped < Error
    def initialize(message = nil, code: AW_ESTOPPED, errors: []) = super
  end

  # Several failures, of a {TaskGroup}: they are in `errors`.
  class ErrorGroup < Error
    def initialize(message = nil, code: AW_EGROUP, errors: []) = super
  end

  CLASS_OF_CODE = {
    AW_ECANCELLED => Cancelled, AW_ETIMEOUT => Timeout, AW_EPENDING => Pending, AW_ESTOPPED => Stopped, AW_EGROUP => ErrorGroup
  }.freeze
  private_constant :CLASS_OF_CODE

  # The exception that stands for a status: the system's own for -errno.
  def self.exception_for(code, message = nil, errors = [])
    return SystemCallError.new(message == aw_strerror(code) ? nil : message, -code) if code.between?(-4095, -1)

    CLASS_OF_CODE.fetch(code, Error).new(message, code: code, errors: errors)
  end

  # A failure as C has it.
  class Failure
    # @return [Exception] the very one that Ruby raised, or one made of the code and the message
    def exception = Libawait.exception_of(self)
  end
end
