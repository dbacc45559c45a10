# frozen_string_literal: true
# SPDX-License-Identifier: MIT

require 'socket'

module Libawait
  # Ruby's fiber scheduler on a loop of libawait's: what would block the thread suspends the fiber.
  #
  #     Fiber.set_scheduler(Libawait::Scheduler.new)
  #     Fiber.schedule { sleep 1; puts TCPSocket.new('localhost', 80).gets }
  #
  # At its end the thread runs the loop until every fiber has ended. A fiber that fails is reported as a thread is, and its exception is
  # raised when the loop has run. {Libawait.run} sets one for its tasks.
  class Scheduler
    READ_WRITE = IO::READABLE | IO::WRITABLE
    private_constant :READ_WRITE

    # @return [Loop] what it runs on
    attr_reader :loop

    # The scheduler of this thread that runs on a loop, or nil.
    # @param loop [Loop]
    # @return [Scheduler, nil]
    def self.of(loop)
      scheduler = Fiber.scheduler
      scheduler if scheduler.is_a?(self) && scheduler.loop == loop
    end

    # @param on [Loop, String, nil] a loop, which stays the caller's to close, or the name of a backend for one of its own
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

    # One iteration: waits for something to do, and does it.
    # @return [Integer] how many fibers went on
    def turn
      @selector.turn(-1).tap { report }
    end

    # How many fibers wait now.
    # @return [Integer]
    def waiting = @selector.waiting

    # Cancels every fiber that waits: {Cancelled} is raised where it does.
    # @return [void]
    def cancel_all = @selector.interrupt_all(Cancelled.new)

    # The value of a future, task or coroutine, in a scheduled fiber. A coroutine becomes a task, which is cancelled if the fiber is.
    # @param awaitable [Future, Task, Coro, nil] nil lets others go on first
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

    # Runs what is left, and closes the loop if that is its own. Ruby calls it at the end of the thread, and when another scheduler is set.
    # @return [void]
    def close
      return Fiber.set_scheduler(nil) if Fiber.scheduler.equal?(self) && !@closing

      shut
    end

    # Ruby's own call at the end of the thread.
    # @return [void]
    def scheduler_close = shut

    # @return [Boolean]
    def closed? = @closed

    # In a forked child: lets go of the parent's loop, and of the scheduler; calls block the child as they would without one.
    # @return [void]
    def forked
      @selector.forked
      @loop.abandon
      @closed = true
      Fiber.set_scheduler(nil)
    end

    # --- the hooks of Ruby's ---

    # Fiber.schedule: runs the block in a fiber, at once and until it first waits.
    # @return [Fiber]
    def fiber(&)
      @selector.start(&).tap { report }
    end

    # Kernel#sleep
    # @param duration [Numeric, nil] seconds; nil: until an unblock
    # @return [true]
    def kernel_sleep(duration = nil)
      return block(:sleep) if duration.nil?

      nanoseconds = Libawait.nanoseconds(duration)
      raise ArgumentError, 'time interval must not be negative' if nanoseconds.negative?

      @selector.sleep(nanoseconds)
    end

    # Mutex#lock, Queue#pop, Thread#join
    # @param timeout [Numeric, nil] seconds
    # @return [Boolean] false if the time passed
    def block(_blocker, timeout = nil) = @selector.block(timeout && Libawait.nanoseconds(timeout))

    # Ends a {#block}. Any thread.
    # @return [void]
    def unblock(_blocker, fiber) = @selector.unblock(fiber)

    # IO#wait, and whatever finds a descriptor not ready
    # @param events [Integer] of IO::READABLE, IO::PRIORITY, IO::WRITABLE
    # @param timeout [Numeric, nil] seconds
    # @return [Integer, false] those that hold; false if the time passed
    def io_wait(io, events, timeout = nil)
      return select_in_thread(io, events, timeout) if (events & IO::PRIORITY).positive?

      @selector.wait_io(io.fileno, events & READ_WRITE, timeout && Libawait.nanoseconds(timeout))
    end

    # IO#read: `length` bytes at least; with 0, what is there.
    # @return [Integer] bytes, or a negative errno
    def io_read(io, buffer, length, offset = 0) = @selector.read(io.fileno, buffer, length, offset, nil)

    # There is no io_write: with it Ruby would hand over each part of a `puts` by itself, a packet each. Without it Ruby writes all parts
    # at once, and asks io_wait when the descriptor takes no more.

    # From 3.2 on the position in the file comes before the length.
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

    # IO#close: fibers that wait for it get an IOError. Ruby goes on to close it.
    # @return [false]
    def io_close(io)
      @selector.forget_io(io.is_a?(Integer) ? io : io.fileno)
      false
    end

    # Process.wait: the child is reaped by Ruby itself, so that others' waits are left alone.
    # @return [Process::Status, nil]
    def process_wait(pid, flags)
      return ::Process::Status.wait(pid, flags) if (flags & ::Process::WNOHANG).positive?
      return in_thread { ::Process::Status.wait(pid, flags) } unless pid.positive? && flags.zero?

      @selector.wait_pid(pid)
      ::Process::Status.wait(pid, ::Process::WNOHANG)
    end

    # Timeout.timeout: raises in the fiber where it waits when the time has passed. In a task it is a {TimeoutScope}.
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

    # What blocks inside an extension, in a thread.
    # @return [void]
    def blocking_operation_wait(work) = in_thread { work.call }

    # Raises in a fiber where it waits, in the next iteration. Any thread.
    # @return [void]
    def fiber_interrupt(fiber, exception) = @selector.interrupt(fiber, exception)

    # Lets others go on first.
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
        # Left by an interrupt: what still waits is not waited for, but it unwinds.
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

    # Tells of the fibers that failed, as Ruby does of threads, and keeps the first for the end of the run.
    def report
      until @selector.failed.empty?
        exception = @selector.failed.shift
        next if exception.is_a?(Cancelled) # a cancelled fiber ends quietly, as a task does
        raise exception unless exception.is_a?(StandardError) # exit, and the like, does not wait for the others

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
        # Also on the way out by break or throw. What is raised here takes the cancellation's place.
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

  # In a child nothing of the parent's loop may be touched.
  module ForkedChild
    # @return [Integer]
    def _fork
      super.tap { |pid| Fiber.scheduler.forked if pid.zero? && Fiber.scheduler.is_a?(Scheduler) }
    end
  end
  private_constant :ForkedChild, :Selector
  ::Process.singleton_class.prepend(ForkedChild)

  # Ruby warns once of buffers it makes itself for io_read.
  experimental = Warning[:experimental]
  begin
    Warning[:experimental] = false
    IO::Buffer.new(0)
  ensure
    Warning[:experimental] = experimental
  end
end
