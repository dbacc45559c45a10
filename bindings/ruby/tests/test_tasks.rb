# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Tasks whose steps run in a Fiber.

require_relative 'check'

class TasksTest < CheckCase
  self.case 'run gives the value of its block' do
    assert_equal(42, Libawait.run { Libawait.sleep(0.001, 42) })
  end

  self.case 'gather gives the values in order of the arguments' do
    Libawait.run do
      slow = Libawait.spawn { Libawait.sleep(0.02, :slow) }
      fast = Libawait.spawn { Libawait.sleep(0.001, :fast) }
      assert_equal %i[slow fast], Libawait.gather(slow, fast).await
      failing = Libawait.spawn { raise 'no' }
      values = Libawait.gather(failing, Libawait.spawn { nil }, return_errors: true).await
      assert_equal [RuntimeError, NilClass], values.map(&:class)
    end
  end

  self.case 'a cancelled task unwinds through its ensure' do
    Libawait.run do
      seen = []
      task = Libawait.spawn do
        Libawait.sleep(60)
      ensure
        seen << :ensured
      end
      Libawait.pass
      assert task.cancel
      assert_raises(Libawait::Cancelled) { task.await }
      assert task.cancelled?
      assert_equal [:ensured], seen
    end
  end

  self.case 'run cancels the remaining tasks and waits for them' do
    seen = []
    Libawait.run do
      Libawait.spawn do
        Libawait.sleep(60)
      ensure
        seen << :left
      end
      Libawait.pass
    end
    assert_equal [:left], seen
  end

  self.case 'an enumerator inside a task may await' do
    Libawait.run do
      numbers = Enumerator.new { |out| 3.times { |i| out << Libawait.sleep(0.001, i) } }
      assert_equal [0, 1, 2], Array.new(3) { numbers.next }
    end
  end

  self.case 'awaiting outside a task, or awaiting a non-awaitable, is an error' do
    error = assert_raises(Libawait::Error) { Libawait.await(nil) }
    assert_equal Libawait::AW_ENOTASK, error.code
    Libawait.run { assert_raises(TypeError) { Libawait.await(42) } }
  end

  self.case 'a step block reports through its resume' do
    with_loop do |loop|
      turns = 0
      coro = Libawait.aw_coro_new(loop) { |resume| (turns += 1) < 3 ? resume.yield : resume.return(turns) }
      task = Libawait::Task.spawn_coro(loop, coro)
      assert_equal 3, loop.run_until_complete(task)
    end
  end

  self.case 'a task knows its name and is found' do
    Libawait.run do |loop|
      task = Libawait.spawn(name: 'worker') { Libawait::Task.current.name }
      assert_equal %w[worker], loop.all_tasks.map(&:name) - [Libawait::Task.current.name]
      assert_equal task, loop.all_tasks.last
      assert_equal 'worker', task.await
    end
  end

  self.case 'queue lock and event wait by name' do
    Libawait.run do |loop|
      queue = Libawait::Queue.new(loop, 1)
      consumer = Libawait.spawn { Array.new(3) { queue.get } }
      3.times { |i| queue.put("item #{i}") }
      assert_equal ['item 0', 'item 1', 'item 2'], consumer.await
      lock = Libawait::Lock.new(loop)
      lock.acquire
      assert lock.locked
      lock.release
      event = Libawait::Event.new(loop)
      loop.call_soon { event.set }
      event.wait
      assert event.set?
    end
  end

  self.case 'wait and as_completed tell them apart' do
    Libawait.run do
      fast = Libawait.spawn { Libawait.sleep(0.001, :fast) }
      slow = Libawait.spawn { Libawait.sleep(0.05, :slow) }
      done, pending = Libawait.wait([slow, fast], return_when: Libawait::AW_FIRST_COMPLETED)
      assert_equal [[fast], [slow]], [done, pending]
      order = []
      Libawait.as_completed([slow, fast]) { |one| order << one.result }
      assert_equal %i[fast slow], order
    end
  end

  self.case 'a process reports its output and its code' do
    Libawait.run do
      process = Libawait::Process.exec('cat', stdin: :pipe, stdout: :pipe)
      assert_equal 0, process.communicate("both\0ways").await
      assert_equal "both\0ways", process.stdout
      assert_equal 0, process.returncode
      killed = Libawait::Process.shell('sleep 60', group: true)
      killed.kill
      assert_equal(-9, killed.wait.await)
    end
  end

  self.case 'under virtual time an hour takes no time' do
    began = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
    assert_equal(:woken, Libawait.run('virtual') { Libawait.sleep(3600, :woken) })
    assert_operator ::Process.clock_gettime(::Process::CLOCK_MONOTONIC) - began, :<, 30
  end
end
