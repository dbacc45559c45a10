# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Statuses are raised as exceptions, and exceptions pass through the library unchanged.

require_relative 'check'

class ErrorsTest < CheckCase
  class Special < StandardError; end

  self.case 'a status is raised as an error with its code and name' do
    with_loop do |loop|
      future = loop.create_future
      error = assert_raises(Libawait::Error) { future.result }
      assert_equal Libawait::AW_EINVALIDSTATE, error.code
      assert_equal 'AW_EINVALIDSTATE', error.name
      assert_equal Libawait.aw_strerror(error.code), error.message
    end
  end

  self.case 'an errno is raised as the system call error' do
    with_loop do |loop|
      error = assert_raises(Errno::ENOENT) { Libawait::Process.exec('/nowhere/at/all', loop: loop) }
      assert_equal Errno::ENOENT::Errno, error.errno
      assert_raises(Errno::EINVAL) { Libawait.aw_subprocess_exec(loop, [], nil) }
    end
  end

  self.case 'cancellation and timeout have separate classes' do
    Libawait.run do |loop|
      assert_raises(Libawait::Timeout) { Libawait.wait_for(loop.create_future, 0.01) }
      future = loop.create_future
      loop.call_soon { future.cancel('not now') }
      error = assert_raises(Libawait::Cancelled) { future.await }
      assert_equal 'not now', error.message
    end
  end

  self.case 'the exception of a task comes out of run itself' do
    raised = Special.new('inner')
    error = assert_raises(Special) { Libawait.run { Libawait.spawn { raise raised }.await } }
    assert_same raised, error
  end

  self.case 'a system call error keeps its code on its way' do
    Libawait.run do
      task = Libawait.spawn { raise Errno::EPIPE }
      assert_raises(Errno::EPIPE) { task.await }
      assert_equal(-Errno::EPIPE::Errno, Libawait.aw_future_error(task).status)
    end
  end

  self.case 'a callback that raises is raised by the dispatch and the others run later' do
    with_loop do |loop|
      seen = []
      loop.call_soon { raise Special, 'in a callback' }
      loop.call_soon { seen << 1 }
      assert_raises(Special) { loop.dispatch }
      loop.dispatch
      assert_equal [1], seen
    end
  end

  self.case 'an exception handler receives the exception of a callback and the loop continues' do
    with_loop do |loop|
      seen = []
      loop.set_exception_handler { |_, report| seen << [report.message, report.error.exception.class] }
      loop.call_soon { raise Special }
      loop.call_soon { loop.stop }
      loop.run_forever
      assert_equal [['Exception in callback', Special]], seen
    end
  end

  self.case 'an exception other than StandardError leaves the loop in spite of a handler' do
    with_loop do |loop|
      loop.set_exception_handler { flunk 'told' }
      loop.call_soon { exit 3 }
      assert_raises(SystemExit) { loop.run_forever }
      loop.spawn { raise Interrupt }
      assert_raises(Interrupt) { loop.run_forever }
    end
  end

  self.case 'a report kept beyond its call is refused' do
    with_loop do |loop|
      kept = nil
      loop.set_exception_handler { |_, report| kept = report }
      loop.call_exception_handler('message', nil, nil)
      assert_raises(RuntimeError) { kept.message }
    end
  end

  self.case 'an error that was never retrieved reaches the handler, even from the collector' do
    with_loop do |loop|
      messages = []
      loop.set_exception_handler { |_, report| messages << report.message }
      # In a thread, whose stack is gone afterwards, because the collector scans stacks conservatively.
      Thread.new { 20.times { loop.create_future.fail(Libawait::AW_EHOST, 'lost') } }.join
      Libawait.collect
      loop.dispatch # the other thread owned the loop
      assert_includes messages, 'Future exception was never retrieved'
    end
  end

  self.case 'throw and wrong types are errors and not crashes' do
    with_loop do |loop|
      loop.call_soon { throw :nowhere }
      assert_raises(UncaughtThrowError) { loop.dispatch }
      loop.call_soon { throw :out }
      assert_raises(RuntimeError) { catch(:out) { loop.dispatch } }
      assert_raises(TypeError) { Libawait.aw_gather(loop, [1], 0) }
      assert_raises(TypeError) { Libawait.aw_loop_stop('loop') }
      assert_raises(ArgumentError) { Libawait::Process.shell("a\0b", loop: loop) }
    end
  end

  self.case 'a handle whose loop is closed reports so' do
    future = with_loop(&:create_future)
    error = assert_raises(Libawait::Error) { future.set_result(1) }
    assert_equal Libawait::AW_ELOOPCLOSED, error.code
  end
end
