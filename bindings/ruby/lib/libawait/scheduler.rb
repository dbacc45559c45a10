# frozen_string_literal: true
# SPDX-License-Identifier: MIT

require 'socket'

module Libawait
  # A fiber scheduler for Ruby on a libawait loop: a call that would block the thread suspends the fiber instead.
  #
  #     Fiber.set_scheduler(Libawait::Scheduler.new)
  #     Fiber.schedule { sleep 1; puts TCPSocket.new('localhost', 80).gets }
  #
  # When the thread ends, it runs the loop until every fiber has ended. A failed fiber is reported as a failed thread is, and its exception is
  # raised after the loop has run. {Libawait.run} sets a scheduler for its tasks.
  class Scheduler
    READ_WRITE = IO::READABLE | IO::WRITABLE
    private_constant :READ_WRITE

    # @return [Loop] the loop that it runs on
    attr_reader :loop

    # This thread's scheduler if it runs on the given loop, or nil.
    # @param loop [Loop]
    # @return [Scheduler, nil]
    def self.of(loop)
      scheduler = Fiber.scheduler
      scheduler if scheduler.is_a?(self) && scheduler.loop == loop
    end

    # @param on [Loop, String, nil] a loop, which the caller closes, or the name of the backend for a loop that the scheduler owns
    def initialize(on = nil)
      @owned = !on.is_a?(Loop)
      @loop = @owned ? Loop.new(on) : on
      @selector = Selector.new(@loop)
      @failure = nil
      @closed = @closing = @left = false
    end

    # Runs until every fiber, and every task of the loop, has ended; then raises the first exception that ended a fiber.
    # @return [void]
    def run
      left = true
      until @selector.live.zero? && (@closed || @loop.all_tasks.empty?)
        @selector.live.zero? ? turn : @selector.turns(false)
        report
      end
      left = false
      failure, @failure = @failure, nil
      raise failure if failure
    ensure
      @left ||= left
    end

    # Runs until {Loop#stop}.
    # @return [void]
    def run_until_stop
      done = false
      until done
        done = @selector.turns(true)
        report
      end
    end

    # Runs one iteration: waits for events and handles them.
    # @return [Integer] how many fibers were resumed
    def turn
      @selector.turn(-1).tap { report }
    end

    # How many fibers are waiting.
    # @return [Integer]
    def waiting = @selector.waiting

    # Cancels all waiting fibers: raises {Cancelled} where each waits.
    # @return [void]
    def cancel_all = @selector.interrupt_all(Cancelled.new)

    # Awaits a future, task or coroutine in a scheduled fiber. A coroutine becomes a task, which is cancelled if the fiber is.
    # @param awaitable [Future, Task, Coro, nil] nil: yield to other fibers
    def await(awaitable)
      return @selector.sleep(0) && nil if awaitable.nil?

      future = awaitable.is_a?(Coro) ? task_of(awaitable) : awaitable
      raise TypeError, "#{awaitable.class} can't be awaited" unless future.is_a?(Awaitable)

      begin
        @selector.await(future)
      rescue Exception # rubocop:disable Lint/RescueException -- also a cancellation
        future.cancel unless future.equal?(awaitable)
        raise
      end
      future.result
    end

    # Runs the remaining fibers, and closes the loop if the scheduler owns it. Ruby calls it when the thread ends or another scheduler is set.
    # @return [void]
    def close
      return Fiber.set_scheduler(nil) if Fiber.scheduler.equal?(self) && !@closing

      shut
    end

    # Ruby calls it when the thread ends.
    # @return [void]
    def scheduler_close = shut

    # @return [Boolean]
    def closed? = @closed

    # In a forked child: drops the parent's loop and removes the scheduler; calls then block the child as they do without a scheduler.
    # @return [void]
    def forked
      @selector.forked
      @loop.abandon
      @closed = true
      Fiber.set_scheduler(nil)
    end

    # --- Ruby's scheduler hooks ---

    # Fiber.schedule: runs the block in a fiber, immediately and until it first waits.
    # @return [Fiber]
    def fiber(&)
      @selector.start(&).tap { report }
    end

    # Kernel#sleep
    # @param duration [Numeric, nil] seconds; nil: until unblocked
    # @return [true]
    def kernel_sleep(duration = nil)
      return block(:sleep) if duration.nil?

      nanoseconds = Libawait.nanoseconds(duration)
      raise ArgumentError, 'time interval must not be negative' if nanoseconds.negative?

      @selector.sleep(nanoseconds)
    end

    # Mutex#lock, Queue#pop, Thread#join
    # @param timeout [Numeric, nil] seconds
    # @return [Boolean] false on timeout
    def block(_blocker, timeout = nil) = @selector.block(timeout && Libawait.nanoseconds(timeout))

    # Ends a {#block}. May be called from any thread.
    # @return [void]
    def unblock(_blocker, fiber) = @selector.unblock(fiber)

    # IO#wait, and any call whose descriptor is not ready
    # @param events [Integer] of IO::READABLE, IO::PRIORITY, IO::WRITABLE
    # @param timeout [Numeric, nil] seconds
    # @return [Integer, false] the ready events; false on timeout
    def io_wait(io, events, timeout = nil)
      return select_in_thread(io, events, timeout) if (events & IO::PRIORITY).positive?

      @selector.wait_io(io.fileno, events & READ_WRITE, timeout && Libawait.nanoseconds(timeout))
    end

    # IO#read: at least `length` bytes; with 0, whatever is available.
    # @return [Integer] bytes, or a negative errno
    def io_read(io, buffer, length, offset = 0) = @selector.read(io.fileno, buffer, length, offset, nil)

    # io_write is not defined: with it, Ruby would pass each part of a `puts` separately, one packet each. Without it, Ruby writes all parts
    # at once, and calls io_wait when the descriptor is not writable.

    # Since Ruby 3.2 the file position comes before the length.
    if RUBY_VERSION >= '3.2'
      # IO#pread
      # @return [Integer] bytes, or a negative errno
      def io_pread(io, buffer, from, length, offset) = @selector.read(io.fileno, buffer, length, offset, from)

      # IO#pwrite
      # @return [Integer] bytes, or a negative errno
      def io_pwrite(io, buffer, from, length, offset) = @selector.write(io.fileno, buffer, length, offset, from)
    else
      # IO#pread
      # @return [Integer] bytes, or a negative errno
      def io_pread(io, buffer, length, from) = @selector.read(io.fileno, buffer, length, 0, from)

      # IO#pwrite
      # @return [Integer] bytes, or a negative errno
      def io_pwrite(io, buffer, length, from) = @selector.write(io.fileno, buffer, length, 0, from)
    end

    # IO.select
    # @return [Array<Array<IO>>, nil]
    def io_select(readables, writables, exceptables, timeout)
      in_thread { IO.select(readables, writables, exceptables, timeout) }
    end

    # IO#close: raises an IOError in fibers that wait for it. Ruby then closes it.
    # @return [false]
    def io_close(io)
      @selector.forget_io(io.is_a?(Integer) ? io : io.fileno)
      false
    end

    # Process.wait: Ruby itself reaps the child, so that other waits are not disturbed.
    # @return [Process::Status, nil]
    def process_wait(pid, flags)
      return ::Process::Status.wait(pid, flags) if (flags & ::Process::WNOHANG).positive?
      return in_thread { ::Process::Status.wait(pid, flags) } unless pid.positive? && flags.zero?

      @selector.wait_pid(pid)
      ::Process::Status.wait(pid, ::Process::WNOHANG)
    end

    # Timeout.timeout: raises in the fiber where it waits when the time is up. In a task, it is a {TimeoutScope}.
    # @param duration [Numeric] seconds
    def timeout_after(duration, klass = nil, message = nil, &block)
      require 'timeout' unless klass
      klass ||= ::Timeout::Error
      message ||= 'execution expired'
      case Libawait.fiber_kind
      when :task then timeout_in_task(duration, klass, message, &block)
      when :fiber then timeout_by_alarm(duration, klass.new(message), &block)
      else timeout_by_fiber(duration, klass, message, &block)
      end
    end

    # Name resolution, in a thread.
    # @return [Array<String>, nil]
    def address_resolve(hostname)
      in_thread do
        Addrinfo.getaddrinfo(hostname, nil).map(&:ip_address).uniq
      rescue SocketError
        nil
      end
    end

    # A blocking call of an extension, in a thread.
    # @return [void]
    def blocking_operation_wait(work) = in_thread { work.call }

    # Raises in a fiber where it waits, in the next iteration. May be called from any thread.
    # @return [void]
    def fiber_interrupt(fiber, exception) = @selector.interrupt(fiber, exception)

    # Yields to other fibers.
    # @return [void]
    def yield = @selector.sleep(0)

    private

    def shut
      return if @closed

      @closing = true
      cancel_all if @left
      begin
        run
      ensure
        # After an interrupt: unwinds the fibers that still wait, without waiting for them to finish.
        @left && (cancel_all || run)
      end
    ensure
      unless @closed
        @closed = true
        @loop.close if @owned
      end
    end

    def task_of(coro)
      task = Libawait.aw_task_spawn_coro(@loop, coro)
      task.reader, task.keeps = coro.reader, coro
      task
    end

    # Reports failed fibers as Ruby reports failed threads, and keeps the first exception for the end of the run.
    def report
      until @selector.failed.empty?
        exception = @selector.failed.shift
        next if exception.is_a?(Cancelled) # a cancelled fiber ends quietly, as a task does
        raise exception unless exception.is_a?(StandardError) # exit and the like don't wait for the other fibers

        @failure ||= exception
        next unless Thread.current.report_on_exception

        warn "a fiber of #{Thread.current.inspect} terminated with exception (report_on_exception is true):\n" +
             exception.full_message(highlight: false)
      end
    end

    def in_thread
      thread = Thread.new do
        Thread.current.report_on_exception = false
        yield
      end
      thread.value
    ensure
      thread&.kill
    end

    def select_in_thread(io, events, timeout)
      lists = [IO::READABLE, IO::WRITABLE, IO::PRIORITY].map { |event| (events & event).positive? ? [io] : [] }
      found = io_select(*lists, timeout) or return false
      [IO::READABLE, IO::WRITABLE, IO::PRIORITY].zip(found).sum { |event, list| list.empty? ? 0 : event }
    end

    def timeout_in_task(duration, klass, message)
      scope = TimeoutScope.new(@loop, Libawait.nanoseconds(duration))
      scope.enter
      outcome = AW_EHOST
      begin
        value = yield(duration)
        outcome = AW_OK
      rescue Cancelled
        outcome = AW_ECANCELLED
        raise
      ensure
        # Also runs on a break or throw. An exception raised here replaces the cancellation.
        raise klass, message, cause: nil if scope.exit(outcome) == AW_ETIMEOUT
      end
      value
    end

    def timeout_by_alarm(duration, exception)
      number = @selector.alarm(Libawait.nanoseconds(duration), exception)
      yield(duration)
    ensure
      @selector.alarm_off(number, exception) if number
    end

    # For a fiber that nobody scheduled.
    def timeout_by_fiber(duration, klass, message)
      waits = Fiber.current
      fiber do
        kernel_sleep(duration)
        waits.raise(klass, message) if waits&.alive?
      end
      yield(duration)
    ensure
      waits = nil
    end
  end

  # A forked child must not touch the parent's loop.
  module ForkedChild
    # @return [Integer]
    def _fork
      super.tap { |pid| Fiber.scheduler.forked if pid.zero? && Fiber.scheduler.is_a?(Scheduler) }
    end
  end
  private_constant :ForkedChild, :Selector
  ::Process.singleton_class.prepend(ForkedChild)

  # Ruby warns once about the buffers that it creates for io_read.
  experimental = Warning[:experimental]
  begin
    Warning[:experimental] = false
    IO::Buffer.new(0)
  ensure
    Warning[:experimental] = experimental
  end
end
