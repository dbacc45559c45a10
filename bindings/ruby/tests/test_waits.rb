# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# A thread waits for the outcome of a task in a loop: the outcome arrives, the timeout is distinct from the task's, and an
# interrupt of the thread ends the wait at once.

require_relative 'check'

class WaitsTest < CheckCase
  LONG = 3600

  # A loop that runs in a separate thread.
  def with_running_loop
    loop = Libawait::Loop.new
    thread = Thread.new { loop.run_forever }
    yield loop
  ensure
    loop.call_soon_threadsafe { loop.stop }
    thread.join
    loop.close
  end

  # Returns a thread that waits for something that never ends, once it has blocked.
  def waiting(future, seconds = nil)
    thread = Thread.new do
      Thread.current.report_on_exception = false
      future.value(seconds)
    end
    Thread.pass until thread.stop?
    thread
  end

  def elapsed
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - start
  end

  self.case 'a wait returns a value that arrives within the limit' do
    with_running_loop do |loop|
      # Many at a time, so that they arrive at different points of the wait.
      values = Array.new(25) do |i|
        Thread.new { Array.new(24) { |n| loop.run_coroutine_threadsafe { Libawait.sleep(0.018 + (i * 0.0002)) || n }.value(60) } }
      end.flat_map(&:value)
      assert_equal (0...24).to_a * 25, values
    end
  end

  self.case 'a timeout of the wait is distinguished from a timeout in the task' do
    with_running_loop do |loop|
      never = loop.run_coroutine_threadsafe { Libawait.sleep(LONG) }
      error = assert_raises(Libawait::Pending) { never.value(0.001) }
      assert_kind_of Libawait::Timeout, error
      assert_equal 'AW_EPENDING', error.name
      assert_raises(Libawait::Pending) { never.value(0) }
      late = loop.run_coroutine_threadsafe { Libawait.timeout(0.001) { Libawait.sleep(LONG) } }
      error = assert_raises(Libawait::Timeout) { late.value(60) }
      refute_kind_of Libawait::Pending, error
      assert_equal Libawait::AW_ETIMEOUT, error.code
      never.cancel
      assert_raises(Libawait::Cancelled) { never.value }
    end
  end

  self.case 'a failure of the task that looks like an interrupt is reported as the failure' do
    with_running_loop do |loop|
      assert_raises(Errno::EINTR) { loop.run_coroutine_threadsafe { raise Errno::EINTR }.value(60) }
      assert_raises(Libawait::Pending) { loop.run_coroutine_threadsafe { raise Libawait::Pending }.value(60) }
    end
  end

  self.case 'Thread raise and Thread kill end a wait at once, but not those of other threads' do
    with_running_loop do |loop|
      never = loop.run_coroutine_threadsafe { Libawait.sleep(LONG) }
      patient = waiting(never)
      [nil, LONG].each do |seconds|
        raised = waiting(never, seconds)
        raised.raise(ArgumentError, 'enough')
        assert_equal 'enough', assert_raises(ArgumentError) { raised.value }.message
        killed = waiting(never, seconds)
        killed.kill
        refute_nil killed.join(30)
      end
      assert_predicate patient, :alive?
      never.cancel
      assert_raises(Libawait::Cancelled) { patient.value }
    end
  end

  self.case 'a raise at any moment of a wait is not lost' do
    with_running_loop do |loop|
      never = loop.run_coroutine_threadsafe { Libawait.sleep(LONG) }
      # Even if it comes before the thread's first line.
      Thread.report_on_exception = false
      300.times do |i|
        thread = Thread.new { never.value }
        (i % 10).times { Thread.pass }
        thread.raise(ArgumentError, 'enough')
        assert_raises(ArgumentError) { thread.value }
      end
      never.cancel
    ensure
      Thread.report_on_exception = true
    end
  end

  self.case 'Timeout from Ruby ends a wait' do
    with_running_loop do |loop|
      never = loop.run_coroutine_threadsafe { Libawait.sleep(LONG) }
      took = elapsed { assert_raises(Timeout::Error) { Timeout.timeout(0.01) { never.value } } }
      assert_operator took, :<, 30
      never.cancel
    end
  end

  self.case 'a signal interrupts the wait of the main thread, which continues unless the handler raises' do
    with_running_loop do |loop|
      never = loop.run_coroutine_threadsafe { Libawait.sleep(LONG) }
      loop.call_soon_threadsafe { ::Process.kill(:INT, ::Process.pid) }
      assert_raises(Interrupt) { never.value }

      seen = 0
      before = trap(:USR1) { seen += 1 }
      begin
        slow = loop.run_coroutine_threadsafe do
          5.times { ::Process.kill(:USR1, ::Process.pid) && Libawait.sleep(0.002) }
          Libawait.sleep(0) until seen.positive?
          'done'
        end
        assert_equal 'done', slow.value(60)
        assert_operator seen, :>, 0
      ensure
        trap(:USR1, before)
      end
      never.cancel
    end
  end

  self.case 'spurious interrupts do not extend the limit of a wait' do
    with_running_loop do |loop|
      never = loop.run_coroutine_threadsafe { Libawait.sleep(LONG) }
      thread = waiting(never, 0.05)
      # A wakeup interrupts the thread, which keeps waiting.
      thread.wakeup && Thread.pass while thread.alive?
      assert_raises(Libawait::Pending) { thread.value }
      never.cancel
    end
  end

  self.case 'other threads run while an executor shuts down' do
    executor = Libawait::Executor.new(1)
    assert_equal 0, Libawait.aw_executor_shutdown_wait(executor, -1)
  end
end
