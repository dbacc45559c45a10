# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # Two wrappers of one handle are equal.
  module SameHandle
    # Whether both are of one handle.
    def ==(other) = other.is_a?(SameHandle) && address == other.address
    alias eql? ==
    # Equal for wrappers of one handle.
    def hash = address.hash

    protected

    # @private
    def address = Libawait.address(self)
  end

  # What {Libawait.await} takes: {Future}, {Task}, {Coro}.
  module Awaitable
    # How the value that C gives reads in Ruby; and what must live as long.
    attr_accessor :reader, :keeps

    # @private
    def read(value) = reader ? reader.call(value) : value
    # Suspends the task or scheduled fiber until it is done.
    # @return the value; what it failed with is raised
    def await = Libawait.await(self)
  end

  CLASSES.each_value { |owner| owner.include(SameHandle) }

  # The outcome of something that has not ended yet: a value, a failure, or a cancellation. asyncio.Future.
  class Future
    include Awaitable
    alias done? done
    alias cancelled? cancelled

    # The value; raises what it failed with.
    def result = read(super)

    # Asks it to be cancelled: {Cancelled} comes out of whatever awaits it.
    # @param message [String, nil]
    # @return [Boolean] false if it was done
    def cancel(message = nil) = super(message).positive?
    # Finishes it with a failure.
    # @param code [Integer] of AW_E… or -errno
    # @param message [String, nil]
    def fail(code, message = nil) = super(code, message)
  end

  # A task is a future.
  class Task
    include Awaitable

    # The value; raises what it failed with.
    def result = read(Libawait.aw_future_result(self))
    # Asks it to be cancelled: {Cancelled} comes out of whatever awaits it.
    # @param message [String, nil]
    # @return [Boolean] false if it was done
    def cancel(message = nil) = super(message).positive?
    # Itself, as of any future that is a task.
    def task = self

    (Future.instance_methods - Object.instance_methods - instance_methods).each do |name|
      define_method(name) { |*args, &block| future.send(name, *args, &block) }
    end
  end

  # A coroutine: does nothing until it is awaited, or a task is made of it.
  class Coro
    include Awaitable
  end

  class << self
    # The value of a future, task or coroutine; raises what it failed with. Only in a task or a scheduled fiber.
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
