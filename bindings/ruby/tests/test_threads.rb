# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# The loop releases the VM lock while it waits.

require_relative 'check'

class ThreadsTest < CheckCase
  self.case 'another thread counts while the loop waits' do
    with_loop do |loop|
      count = 0
      counter = Thread.new do
        1000.times { (count += 1) && Thread.pass }
        loop.call_soon_threadsafe { loop.stop }
      end
      loop.run_forever # only the other thread can end this
      counter.join
      assert_equal 1000, count
    end
  end

  self.case 'an exception raised from another thread interrupts an indefinite wait' do
    with_loop do |loop|
      entered = Thread::Queue.new
      waiter = Thread.new do
        Thread.current.report_on_exception = false
        loop.call_soon { entered << true }
        loop.run_forever
      end
      entered.pop
      waiter.raise(Interrupt, 'enough')
      assert_equal 'enough', assert_raises(Interrupt) { waiter.value }.message
      loop.call_soon { loop.stop }
      loop.run_forever
    end
  end

  self.case 'a thread killed in a wait or in a block ends' do
    with_loop do |loop|
      [-> { loop.call_soon { Thread.current.kill } }, -> { loop.call_later(60) {} }].each do |work|
        work.call
        waiter = Thread.new { loop.run_forever }
        Thread.pass until waiter.stop?
        waiter.kill
        refute_nil waiter.join(30)
      end
    end
  end

  self.case 'a wait with a limit ends and wakeup ends one without' do
    with_loop do |loop|
      assert_equal 0, loop.wait(1_000_000)
      waker = Thread.new { loop.wakeup }
      assert_equal 0, loop.wait(-1)
      waker.join
    end
  end

  self.case 'two loops run in two threads' do
    values = Array.new(2) { |i| Thread.new { Libawait.run { Libawait.sleep(0.01, i) } } }.map(&:value)
    assert_equal [0, 1], values
  end

  self.case 'a signal to the process interrupts a wait' do
    with_loop do |loop|
      loop.call_soon { ::Process.kill(:INT, ::Process.pid) }
      assert_raises(Interrupt) { loop.run_forever }
    end
  end
end
