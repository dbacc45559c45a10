# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # Two wrappers of one handle are equal.
  module SameHandle
    # Whether both wrap the same handle.
    def ==(other) = other.is_a?(SameHandle) && address == other.address
    alias eql? ==
    # Equal for wrappers of the same handle.
    def hash = address.hash

    protected

    # @private
    def address = Libawait.address(self)
  end

  # Anything that {Libawait.await} accepts: {Future}, {Task}, {Coro}.
  module Awaitable
    # How to convert the value from C, and an object that must stay alive as long.
    attr_accessor :reader, :keeps

    # @private
    def read(value) = reader ? reader.call(value) : value
    # Suspends the task or scheduled fiber until it is done.
    # @return the value; raises the error if it failed
    def await = Libawait.await(self)
  end

  CLASSES.each_value { |owner| owner.include(SameHandle) }

  # The eventual outcome of an operation: a value, a failure, or a cancellation. asyncio.Future.
  class Future
    include Awaitable
    alias done? done
    alias cancelled? cancelled

    # Returns the value, or raises the error.
    def result = read(super)

    # Requests cancellation: whatever awaits it raises {Cancelled}.
    # @param message [String, nil]
    # @return [Boolean] false if it was already done
    def cancel(message = nil) = super(message).positive?
    # Completes it with an error.
    # @param code [Integer] one of AW_E…, or -errno
    # @param message [String, nil]
    def fail(code, message = nil) = super(code, message)
  end

  # A task is a future.
  class Task
    include Awaitable

    # Returns the value, or raises the error.
    def result = read(Libawait.aw_future_result(self))
    # Requests cancellation: whatever awaits it raises {Cancelled}.
    # @param message [String, nil]
    # @return [Boolean] false if it was already done
    def cancel(message = nil) = super(message).positive?
    # Returns itself; the counterpart of Future's method for a future that is a task.
    def task = self

    (Future.instance_methods - Object.instance_methods - instance_methods).each do |name|
      define_method(name) { |*args, &block| future.send(name, *args, &block) }
    end
  end

  # A coroutine. It does not run until it is awaited or wrapped in a task.
  class Coro
    include Awaitable
  end

  class << self
    # Returns the value of a future, task or coroutine, or raises its error. Only in a task or a scheduled fiber.
    def await(awaitable) = fiber_await(awaitable)

    private

    def await_in_fiber(awaitable) = Fiber.scheduler.await(awaitable)

    def future_of(awaitable)
      case awaitable
      when Future, Task then awaitable
      when Coro then aw_task_spawn_coro(loop_here, awaitable).tap { |task| task.reader, task.keeps = awaitable.reader, awaitable }
      else raise TypeError, "#{awaitable.class} can't be awaited"
      end
    end
  end
end
