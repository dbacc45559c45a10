# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # Common to libawait's exceptions: a code, its name, and the exceptions of a group.
  module Coded
    # @return [Integer] one of AW_E…
    attr_reader :code
    # @return [Array<Exception>] the exceptions of a group
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

  # An error reported by libawait.
  class Error < StandardError
    include Coded
  end

  # The task or future was cancelled. As in asyncio, it is not a StandardError: a bare `rescue` does not swallow it.
  class Cancelled < Exception # rubocop:disable Lint/InheritException
    include Coded

    def initialize(message = nil, code: AW_ECANCELLED, errors: []) = super
  end

  # The time limit expired.
  class Timeout < Error
    def initialize(message = nil, code: AW_ETIMEOUT, errors: []) = super
  end

  # The limit of {ConcurrentFuture#value} or `Executor#shutdown_wait` expired while the result was still pending. If the task
  # itself times out, a plain {Timeout} is raised.
  class Pending < Timeout
    def initialize(message = nil, code: AW_EPENDING, errors: []) = super
  end

  # The loop was stopped before the awaited future was done.
  class Stopped < Error
    def initialize(message = nil, code: AW_ESTOPPED, errors: []) = super
  end

  # Several failures of a {TaskGroup}; `errors` contains them.
  class ErrorGroup < Error
    def initialize(message = nil, code: AW_EGROUP, errors: []) = super
  end

  CLASS_OF_CODE = {
    AW_ECANCELLED => Cancelled, AW_ETIMEOUT => Timeout, AW_EPENDING => Pending, AW_ESTOPPED => Stopped, AW_EGROUP => ErrorGroup
  }.freeze
  private_constant :CLASS_OF_CODE

  # The exception for a status: an Errno for -errno.
  def self.exception_for(code, message = nil, errors = [])
    return SystemCallError.new(message == aw_strerror(code) ? nil : message, -code) if code.between?(-4095, -1)

    CLASS_OF_CODE.fetch(code, Error).new(message, code: code, errors: errors)
  end

  # An error object of the C library.
  class Failure
    # @return [Exception] the exception that Ruby code raised, or one made from the code and the message
    def exception = Libawait.exception_of(self)
  end
end
