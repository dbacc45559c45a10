# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Plain Ruby in scheduled fibers and in tasks: calls that would block the thread suspend only the fiber.

require_relative 'check'
require 'io/nonblock'
require 'socket'

class SchedulerTest < CheckCase
  # A thread with a separate scheduler, which runs until its fibers have ended.
  def scheduled
    thread = Thread.new do
      Thread.current.report_on_exception = false
      scheduler = Fiber.set_scheduler(Libawait::Scheduler.new)
      yield scheduler
    end
    thread.value
  ensure
    thread&.kill
  end

  # Runs the block in a scheduled fiber and in a task, which must behave the same.
  def self.in_both(sentence, &body)
    self.case("#{sentence}, in a scheduled fiber") { scheduled { |scheduler| Fiber.schedule { instance_exec(scheduler, &body) } } }
    self.case("#{sentence}, in a task") { Libawait.run { instance_exec(Fiber.scheduler, &body) } }
  end

  in_both 'fibers sleep concurrently' do
    order = []
    [0.03, 0.01, 0.02].map { |seconds| Fiber.schedule { sleep(seconds) && order << seconds } }
    sleep 0.001 until order.size == 3
    assert_equal [0.01, 0.02, 0.03], order
    assert_raises(ArgumentError) { sleep(-1) }
    assert_raises(TypeError) { sleep('long') }
    [Float::INFINITY, 10**30].each { |long| assert_raises(Timeout::Error) { Timeout.timeout(0.001) { sleep(long) } } }
    error = assert_raises(Errno::EBUSY) { Libawait::Loop.current.submit([{ kind: Libawait::AW_OP_NOP }]) }
    assert_match(/scheduler/, error.message)
  end

  in_both 'a child process is awaited and reaped by Ruby' do
    pid = spawn('exit 3')
    assert_equal pid, Process.wait(pid)
    assert_equal 3, $?.exitstatus
    assert_equal "out\n", `echo out`
    assert system('true')
    assert_raises(Errno::ECHILD) { Process.wait(pid) }
    assert_nil Process.wait(spawn('sleep 1'), Process::WNOHANG)
    assert_kind_of Integer, Process.wait # any child
  end

  in_both 'a mutex, a condition variable and a queue of Ruby suspend the fiber' do
    mutex, condition, queue, seen = Thread::Mutex.new, Thread::ConditionVariable.new, Thread::SizedQueue.new(1), []
    Fiber.schedule do
      mutex.synchronize { condition.wait(mutex) }
      seen << :signalled
    end
    Fiber.schedule do
      sleep 0.001
      mutex.synchronize { condition.signal }
    end
    Fiber.schedule do
      3.times { |number| queue << number }
      queue.close
    end
    while (number = queue.pop)
      seen << number
    end
    sleep 0.001 until seen.include?(:signalled)
    assert_equal [0, 1, 2], seen - [:signalled]
  end

  in_both 'threads are joined, and a thread unblocks the fiber' do
    queue = Thread::Queue.new
    Thread.new { sleep(0.005) && queue << :from_a_thread }
    assert_equal :from_a_thread, queue.pop
    assert_equal 42, Thread.new { sleep(0.005) && 42 }.value
    mutex = Thread::Mutex.new
    holder = Thread.new { mutex.synchronize { sleep 0.02 } }
    Thread.pass until mutex.locked? || !holder.alive?
    assert_equal :locked, mutex.synchronize { :locked }
  end

  in_both 'sockets and pipes are read and written' do
    server = TCPServer.new('127.0.0.1', 0)
    Fiber.schedule do
      3.times do
        client = server.accept
        Fiber.schedule { client.write(client.gets.upcase) && client.close }
      end
    end
    answers = Array.new(3) do |number|
      TCPSocket.open('127.0.0.1', server.addr[1]) { |socket| socket.puts("client #{number}") || socket.read } # puts gives nil
    end
    assert_equal ["CLIENT 0\n", "CLIENT 1\n", "CLIENT 2\n"], answers
    reader, writer = IO.pipe
    text = 'x' * 300_000
    Fiber.schedule { writer.write(text) && writer.close }
    assert_equal text, reader.read
    server.close
  end

  in_both 'a read from a descriptor that blocks does not block the thread' do
    one, other = UNIXSocket.pair
    reader, writer = IO.pipe
    [one, reader].each { |io| io.nonblock = false }
    ticks = 0
    ticker = Fiber.schedule { sleep(0.001) && ticks += 1 while ticks < 5 }
    text = 'y' * 500_000
    Fiber.schedule { writer.write(text) && writer.close }
    Fiber.schedule { sleep(0.01) && other.write('late') && other.close }
    assert_equal 'late', one.read
    assert_equal text, reader.read
    sleep 0.001 until ticks == 5
    assert_kind_of Fiber, ticker
  end

  in_both 'a wait for a descriptor has a limit' do
    reader, writer = IO.pipe
    refute reader.wait_readable(0.005)
    writer << 'x'
    assert_same reader, reader.wait_readable(1)
    assert_same writer, writer.wait_writable(1)
    assert_equal [[reader], [], []], IO.select([reader], nil, nil, 1)
    assert_equal :wait_readable, IO.pipe.first.read_nonblock(1, exception: false)
  end

  in_both 'a timeout ends a wait, and never fires late' do
    assert_equal :value, Timeout.timeout(5) { sleep(0.001) && :value }
    error = assert_raises(Timeout::Error) { Timeout.timeout(0.005) { sleep 60 } }
    assert_equal 'execution expired', error.message
    assert_raises(KeyError) { Timeout.timeout(0.005, KeyError) { IO.pipe.first.read } }
    assert_raises(Timeout::Error) { Timeout.timeout(60) { Timeout.timeout(0.005) { Thread::Queue.new.pop } } }
    assert_raises(Timeout::Error) { Timeout.timeout(0.005) { Timeout.timeout(60) { Thread::Mutex.new.tap(&:lock).sleep } } }
    [1, 2].each { Timeout.timeout(0.001) { break } }
    sleep 0.01
    assert_raises(ZeroDivisionError) { Timeout.timeout(5) { 1 / 0 } }
  end

  in_both 'names are resolved concurrently' do
    refute_empty Addrinfo.getaddrinfo('localhost', 80)
    assert_raises(SocketError) { Addrinfo.getaddrinfo('no-such-host.invalid', 80) }
  end

  in_both 'files are read and written' do
    require 'tempfile'
    Tempfile.create do |file|
      file.write('content')
      file.flush
      assert_equal 'content', File.read(file.path)
      assert_equal 'tent', file.pread(4, 3)
      assert_equal 3, file.pwrite('CON', 0)
      assert_equal 'CONtent', IO.binread(file.path)
    end
  end

  in_both 'fibers and enumerators of the program wait inside' do
    enumerator = Enumerator.new { |out| 3.times { |number| sleep(0.001) && out << number } }
    assert_equal [0, 1, 2], Array.new(3) { enumerator.next }
    inner = Fiber.new do |number|
      loop { number = Fiber.yield(sleep(0.001) && number + 1) }
    end
    assert_equal [2, 3], [inner.resume(1), inner.resume(2)]
    assert_equal [1, 4, 9], [1, 2, 3].lazy.map { |number| sleep(0.001) && number**2 }.to_a
  end

  in_both 'an exception raised in a waiting fiber from outside is raised from its wait' do
    waits = [-> { sleep }, -> { sleep 60 }, -> { IO.pipe.first.read }, -> { Thread::Queue.new.pop }, -> { Process.wait(spawn('sleep 0.3')) }]
    seen = []
    fibers = waits.map do |wait|
      Fiber.schedule do
        wait.call
      rescue KeyError => e
        seen << e.message
      ensure
        seen << :ensured
      end
    end
    fibers.each { |fiber| fiber.raise(KeyError, 'from outside') }
    sleep 0.001 until seen.size == 10
    assert_equal({ 'from outside' => 5, ensured: 5 }, seen.tally)
  end

  in_both 'libawait calls work' do
    future = Libawait::Loop.current.create_future
    Fiber.schedule { sleep(0.002) && future.set_result('set') }
    assert_equal 'set', future.await
    assert_equal 7, Libawait.sleep(0.001, 7)
    tasks = [Libawait.spawn { sleep(0.002) && 1 }, Libawait.spawn { Libawait.sleep(0.001, 2) }]
    assert_equal [1, 2], Libawait.gather(*tasks).await
    assert_raises(KeyError) { Libawait.spawn { raise KeyError }.await }
    assert_raises(Libawait::Timeout) { Libawait.wait_for(Libawait.spawn { sleep 60 }, 0.002) }
    queue = Libawait::Queue.new(1)
    Fiber.schedule { 3.times { |number| queue.put(number) } }
    assert_equal [0, 1, 2], Array.new(3) { queue.get }
    process = Libawait::Process.shell('echo out', stdout: :pipe)
    assert_equal 0, process.communicate.await
    assert_equal "out\n", process.stdout
    assert_nil Libawait.pass
    assert_raises(TypeError) { Libawait.await(42) }
    assert_equal :there, Libawait.to_thread { :there }
  end

  in_both 'a run inside is refused' do
    error = assert_raises(Libawait::Error) { Libawait.run { flunk } }
    assert_equal Libawait::AW_ELOOPRUNNING, error.code
  end

  in_both 'a forked child continues without a scheduler' do
    Fiber.schedule { sleep 0.01 }
    pid = fork do
      sleep 0.001
      puts 'not printed' unless Fiber.scheduler.nil?
      exit!(IO.pipe.then { |reader, writer| writer.write('x') == 1 && reader.readpartial(1) == 'x' } ? 7 : 1)
    end
    Process.wait(pid)
    assert_equal 7, $?.exitstatus
    pid = fork { sleep 0.001 }
    Process.wait(pid)
    assert_predicate $?, :success?
  end

  # --- scheduled fibers ---

  self.case 'a fiber starts at once and control returns at its first wait' do
    order = []
    scheduled do |scheduler|
      Fiber.schedule do
        order << 1
        Fiber.schedule { order << 2 && sleep(0.001) && order << 5 }
        order << 3
        sleep 0
        order << 4
      end
      assert_equal [1, 2, 3], order
      assert_equal 2, scheduler.waiting
    end
    assert_equal [1, 2, 3, 4, 5], order
  end

  self.case 'a failing fiber is reported, the others run to their end, and the exception is raised' do
    seen = []
    _, report = capture_io do
      error = assert_raises(KeyError) do
        scheduled do
          Thread.current.report_on_exception = true
          Fiber.schedule { sleep(0.01) && seen << :others }
          Fiber.schedule { sleep(0.001) && raise(KeyError, 'lost') }
        end
      end
      assert_equal 'lost', error.message
    end
    assert_equal [:others], seen
    assert_match(/a fiber of .* terminated with exception.*\n.*lost \(KeyError\)/, report)
  end

  self.case 'exit in a fiber ends the program, and the others unwind' do
    seen = []
    error = assert_raises(SystemExit) do
      scheduled do
        Fiber.schedule do
          sleep
        ensure
          seen << :ensured
        end
        Fiber.schedule { sleep(0.001) && exit(3) }
      end
    end
    assert_equal [3, [:ensured]], [error.status, seen]
  end

  self.case 'a fiber that raises into another continues after it' do
    order = []
    scheduled do
      waits = Fiber.schedule do
        sleep
      rescue KeyError
        order << :raised
      end
      Fiber.schedule do
        waits.raise(KeyError)
        order << :went_on
        sleep 0.001
        order << :end
      end
    end
    assert_equal %i[went_on raised end], order
  end

  self.case 'a scheduler can be used once more after it has run' do
    scheduled do |scheduler|
      2.times do
        seen = false
        Fiber.schedule { sleep(0.001) && seen = true }
        scheduler.run
        assert seen
      end
      Fiber.set_scheduler(nil)
      assert_predicate scheduler, :closed?
    end
  end

  self.case 'a fiber that nobody scheduled waits as well' do
    scheduled do |scheduler|
      seen = []
      fiber = Fiber.new do
        sleep 0.001
        seen << :slept
        Timeout.timeout(0.002) { sleep 60 }
      rescue Timeout::Error
        seen << :timeout
      end
      fiber.resume
      assert_empty seen
      scheduler.run
      assert_equal %i[slept timeout], seen
    end
  end

  self.case 'interrupting a fiber ends its wait, from any thread' do
    seen = []
    scheduled do |scheduler|
      fiber = Fiber.schedule { assert_raises(KeyError) { IO.pipe.first.read } && seen << :interrupted }
      Thread.new { scheduler.fiber_interrupt(fiber, KeyError.new) }.join
    end
    assert_equal [:interrupted], seen
  end

  self.case 'closing a descriptor raises in the fibers that wait for it' do
    seen = []
    scheduled do |scheduler|
      reader, = IO.pipe
      Fiber.schedule { assert_raises(IOError) { reader.wait_readable } && seen << :closed }
      refute scheduler.io_close(reader)
    end
    assert_equal [:closed], seen
  end

  self.case 'ten thousand fibers wait and end' do
    ended = 0
    scheduled { 10_000.times { Fiber.schedule { sleep(0.01) && ended += 1 } } }
    assert_equal 10_000, ended
  end

  self.case 'an interrupt ends the run, and its fibers are cancelled' do
    entered, seen = Thread::Queue.new, []
    thread = Thread.new do
      Thread.current.report_on_exception = false
      Fiber.set_scheduler(Libawait::Scheduler.new)
      Fiber.schedule do
        entered << true
        sleep
      ensure
        seen << :ensured
      end
    end
    entered.pop
    thread.raise(Interrupt, 'enough')
    assert_equal 'enough', assert_raises(Interrupt) { thread.value }.message
    assert_equal [:ensured], seen
  end

  self.case 'a killed thread ends, whatever its fibers wait for' do
    entered = Thread::Queue.new
    thread = Thread.new do
      Fiber.set_scheduler(Libawait::Scheduler.new)
      Fiber.schedule { entered << true && sleep }
      Fiber.scheduler.run
    end
    entered.pop
    thread.kill
    assert_same thread, thread.join(30)
  end

  # --- run ---

  self.case 'run cancels the fibers that are left over' do
    seen = []
    Libawait.run do
      Fiber.schedule do
        sleep
      rescue Libawait::Cancelled
        seen << :cancelled
      end
    end
    assert_equal [:cancelled], seen
    assert_nil Fiber.scheduler
  end

  self.case 'run that raises unwinds tasks and fibers, whatever they wait for' do
    seen = []
    waits = [-> { sleep }, -> { Thread::Queue.new.pop }, -> { Libawait.sleep(60) }, -> { Libawait::Queue.new.get }, -> { IO.pipe.first.read }]
    assert_raises(KeyError) do
      Libawait.run do
        waits.each do |wait|
          [Libawait, Fiber].zip(%i[spawn schedule]).each do |where, how|
            where.public_send(how) do
              wait.call
            ensure
              sleep 0.001 # may wait
              seen << how
            end
          end
        end
        Libawait.pass
        raise KeyError
      end
    end
    assert_equal({ spawn: 5, schedule: 5 }, seen.tally)
    assert_nil Fiber.scheduler
  end

  self.case 'closing a loop under its scheduler raises in waiting fibers and does not crash' do
    thread = Thread.new do
      Thread.current.report_on_exception = false
      loop = Libawait::Loop.new
      Fiber.set_scheduler(Libawait::Scheduler.new(loop))
      Fiber.schedule { sleep 60 }
      loop.close
      assert_equal Libawait::AW_ELOOPCLOSED, assert_raises(Libawait::Error) { Fiber.scheduler.run }.code
      Fiber.set_scheduler(nil)
    end
    assert_raises(Libawait::Error) { thread.value }
  end

  self.case 'a cancelled task unwinds through plain Ruby code' do
    seen = []
    waits = [-> { sleep }, -> { IO.pipe.first.read }, -> { Thread::Queue.new.pop }, -> { Thread.new { sleep }.join },
             -> { Process.wait(spawn('sleep 0.3')) }, -> { Timeout.timeout(60) { sleep } }]
    Libawait.run do
      tasks = waits.map { |wait| Libawait.spawn { wait.call } }
      Libawait.sleep(0.01)
      tasks.each(&:cancel)
      tasks.each { |task| assert_raises(Libawait::Cancelled) { task.await } && seen << task.cancelled? }
    end
    assert_equal [true] * 6, seen
  end

  self.case 'a bare rescue in plain code does not swallow a cancellation' do
    Libawait.run do
      task = Libawait.spawn do
        sleep
      rescue => e # rubocop:disable Style/RescueStandardError
        flunk e
      end
      Libawait.pass
      task.cancel
      assert_raises(Libawait::Cancelled) { task.await }
      values = Libawait.gather(task, Libawait.spawn { 1 }, return_errors: true).await
      assert_equal [Libawait::Cancelled, Integer], values.map(&:class)
    end
  end

  self.case 'run leaves a scheduler of another kind alone' do
    other = Class.new { %i[block unblock kernel_sleep io_wait].each { |hook| define_method(hook) { |*| nil } } }.new
    Thread.new do
      Fiber.set_scheduler(other)
      assert_equal 1, Libawait.run { Libawait.sleep(0.001, 1) }
      assert_same other, Fiber.scheduler
      Fiber.set_scheduler(nil)
    end.join
  end

  self.case 'under virtual time plain sleeps take no time' do
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    order = []
    Libawait.run('virtual') do
      jobs = [3600, 60].map { |seconds| Libawait.spawn { sleep(seconds) && order << seconds } }
      Libawait.gather(*jobs).await
    end
    assert_equal [60, 3600], order
    assert_operator Process.clock_gettime(Process::CLOCK_MONOTONIC) - began, :<, 30
  end

  self.case 'nothing is left alive when a scheduler has closed' do
    Libawait.collect
    base = Libawait.aw_debug_live_handles
    3.times do
      scheduled do
        50.times { Fiber.schedule { sleep(0.001) && Libawait.sleep(0.001) && Thread.new { 1 }.value } }
        Fiber.schedule { Timeout.timeout(0.001) { IO.pipe.first.read } rescue nil } # rubocop:disable Style/RescueModifier
      end
    end
    10.times { Libawait.collect }
    assert_operator Libawait.aw_debug_live_handles, :<=, base + 8
  end

  self.case 'it works while the collector runs at every allocation' do
    seen = nil
    GC.stress = true
    begin
      scheduled do
        Fiber.schedule { seen = Timeout.timeout(10) { Thread.new { 1 }.value + IO.pipe.then { |r, w| w.write('x') && r.readpartial(1).size } } }
        Fiber.schedule { sleep 0.001 }
      end
    ensure
      GC.stress = false
    end
    assert_equal 2, seen
  end
end
