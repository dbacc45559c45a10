# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# The conformance cases, written as idiomatic Ruby; each prints what CPython printed (conformance/cases/TOPIC/NAME.expected).
# AWAIT_BACKEND selects the backend. Except under virtual time, seconds are scaled down.

require_relative 'check'

class DocumentsTest < CheckCase
  L = Libawait
  CASES = "#{Check::SOURCE}/conformance/cases".freeze

  def expected(name) = Dir["#{CASES}/*/#{name}.expected"].fetch(0)
  BACKEND = ENV.fetch('AWAIT_BACKEND', 'epoll')
  VIRTUAL = BACKEND == 'virtual'
  UNIT = VIRTUAL ? 1.0 : 0.4

  # A case: its output is compared with the trace. A `real` case needs threads or processes, which don't run in virtual time.
  def self.document(name, real: false, &body)
    return left_out(name) if real && VIRTUAL

    self.case name do
      @said = []
      L.run do |loop|
        @loop, @begin = loop, loop.time
        assert_equal BACKEND, loop.backend
        instance_exec(loop, &body)
      end
      assert_equal File.readlines(expected(name), chomp: true), @said
    end
  end

  def self.left_out(name) = puts("left out: #{name}: threads and processes run in real time")

  def say(*words) = @said << words.join(' ')
  def pause(seconds) = L.sleep(seconds * UNIT)
  def stamp = "t=#{((@loop.time - @begin).fdiv(L::SECOND) / UNIT).round}"
  def python(flag) = flag ? 'True' : 'False'
  def list(words) = "[#{words.map { |one| one.is_a?(String) ? "'#{one}'" : one }.join(', ')}]"

  def say_after(seconds, what)
    pause(seconds)
    say what
    what
  end

  document 's000_03_say_after_sequential' do
    say "started at #{stamp}"
    say_after(1, 'hello')
    say_after(2, 'world')
    say "finished at #{stamp}"
  end

  document 's000_04_say_after_tasks' do
    tasks = [L.spawn { say_after(1, 'hello') }, L.spawn { say_after(2, 'world') }]
    say "started at #{stamp}"
    tasks.each(&:await)
    say "finished at #{stamp}"
  end

  document 's000_05_taskgroup_prose' do
    hello, world = L.group do |group|
      tasks = [group.spawn { say_after(1, 'hello') }, group.spawn { say_after(2, 'world') }]
      say "started at #{stamp}"
      tasks
    end
    say "finished at #{stamp}", hello.result, world.result
  end

  document 's000_06_gather_prose' do
    work = lambda do |name, seconds, fail: false|
      L.spawn do
        say stamp, name, 'start'
        pause(seconds)
        say stamp, name, fail ? 'raise' : 'end'
        raise ArgumentError, name if fail

        name
      end
    end
    say list(L.gather(work.call('a', 2), work.call('b', 1)).await)
    begin
      L.gather(work.call('c', 1, fail: true), work.call('d', 2)).await
    rescue ArgumentError => e
      say stamp, 'caught', e.message
    end
    pause(2)
    failed, value = L.gather(work.call('e', 1, fail: true), work.call('f', 2), return_errors: true).await
    say "[ValueError('#{failed.message}'), '#{value}']"
  end

  document 's000_07_wait_prose' do
    work = lambda do |name, seconds|
      L.spawn do
        pause(seconds)
        say stamp, name
        name
      end
    end
    done, pending = L.wait([work.call('a', 2), work.call('b', 1)])
    say stamp, list(done.map(&:result).sort), pending.empty? ? 'set()' : pending
    done, pending = L.wait([work.call('c', 2), work.call('d', 1)], return_when: L::AW_FIRST_COMPLETED)
    say stamp, list(done.map(&:result)), pending.size
    done, pending = L.wait(pending, seconds: 0.5 * UNIT)
    say done.size, pending.size
    L.wait(pending)
  end

  document 's001_03_future_promise' do |loop|
    future = loop.create_future
    future.add_done_callback { say 'I am callback!' }
    L.spawn do
      pause(3)
      future.set_result('... world')
    end
    say 'hello '
    say python(future.done?)
    say future.await
    say python(future.done?)
    say future.result
  end

  document 's001_04_shield' do
    task = L.spawn do
      say 'do_async_job!'
      pause(2)
      say 'protect me from cancelling!'
    end
    shield = L.shield(task)
    say "shield's type => #{shield.class.name.split('::').last}"
    begin
      L.wait_for(shield, UNIT)
    rescue L::Timeout
      say 'timeout!'
      say "shield canceled: #{python(shield.cancelled?)}"
      say "task canceled: #{python(task.cancelled?)}"
      task.await
    end
  end

  document 's002_02_await_task_shield_cancel' do |loop|
    something = lambda do |number|
      loop.coroutine do
        say 'start', number
        pause(0.2)
        say 'end', number
        number
      end
    end
    say 'result', something.call(1).await
    say 'result', L::Task.spawn_coro(loop, something.call(2)).await
    say 'result', L.shield(L::Task.spawn_coro(loop, something.call(3))).await
    coro = something.call(4)
    task = L::Task.spawn_coro(loop, coro)
    task.cancel
    say python(task.coro == coro)
    begin
      task.await
    rescue L::Cancelled
      say 'cancelled', python(task.cancelled?)
    end
  end

  document 's002_03_as_completed' do
    tasks = lambda do
      [['slow', 0.6], ['fast', 0.2], ['middle', 0.4]].map { |name, seconds| L.spawn { L.sleep(seconds * UNIT, name) } }
    end
    L.as_completed(tasks.call) { |one| say one.result }
    rest = tasks.call
    said = 0
    begin
      L.as_completed(rest, seconds: 0.3 * UNIT) { |one| say(one.result) && (said += 1) }
    rescue L::Timeout
      (rest.size - said).times { say 'TimeoutError' } # in Ruby the iteration ends; in Python each remaining future raises
    end
    say "[#{rest.map { |one| python(one.done?) }.join(', ')}]"
  end

  document 's002_05_wait_for' do
    work = ->(seconds) { L.spawn { L.sleep(seconds * UNIT, seconds) } }
    say L.wait_for(work.call(0.1), 0.5 * UNIT)
    begin
      L.wait_for(work.call(5), 0.5 * UNIT)
    rescue L::Timeout
      say 'TimeoutError'
    end
  end

  document 's002_06_timeout' do
    ready = lambda do |seconds|
      pause(seconds)
      say 'ready'
    rescue L::Cancelled
      say 'interrupted'
      raise
    end
    scope = nil
    L.timeout(0.5 * UNIT) do |one|
      scope = one
      ready.call(0.1)
    end
    say python(scope.expired)
    begin
      L.timeout(0.5 * UNIT) do |one|
        scope = one
        ready.call(5)
      end
    rescue L::Timeout
      say 'TimeoutError', python(scope.expired)
    end
  end

  document 's002_07_subprocess', real: true do
    process = L::Process.shell('echo out; echo err >&2; exit 3', stdout: :pipe, stderr: :pipe)
    process.communicate.await
    say "b#{process.stdout.dump.tr('"', "'")}", "b#{process.stderr.dump.tr('"', "'")}", process.returncode
    process = L::Process.exec('printf', '%s-%s', 'a.txt', 'b.txt', stdout: :pipe, stderr: :pipe)
    code = process.wait.await
    process.wait_closed.await
    say code, process.returncode, "b'#{process.stdout}'"
  end

  document 's002_10_queue_prose' do
    queue = L::Queue.new(1)
    producer = L.spawn do
      4.times do |number|
        queue.put(number)
        say 'put', number
      end
      queue.put(nil)
    end
    consumer = L.spawn do
      while (number = queue.get)
        say 'got', number
        pause(0.1)
      end
    end
    L.gather(producer, consumer).await
  end

  cancel_me = proc do |pauses|
    say 'main(): running'
    task = L.spawn do
      say 'cancel_me(): sleep'
      L.sleep(3600)
    rescue L::Cancelled
      say 'cancel_me(): cancel sleep'
      raise
    ensure
      say 'cancel_me(): after sleep'
    end
    say 'main(): sleep'
    pause(5) if pauses
    say 'main(): call cancel'
    task.cancel
    begin
      task.await
    rescue L::Cancelled
      say 'main(): cancel_me is cancelled now'
    end
  end
  document('s003_04_cancel_me') { instance_exec(true, &cancel_me) }
  document('s003_05_cancel_me_no_sleep') { instance_exec(false, &cancel_me) }

  document 's003_06_future' do |loop|
    future = loop.create_future
    L.spawn do
      pause(2)
      future.set_result('Hello future')
    end
    future.await
    say future.result
  end

  document 's003_09_wait_for_plan_b' do
    job = ->(seconds, name) { L.spawn { pause(seconds) || say("do async job #{name}") } }
    begin
      L.wait_for(job.call(2, 1), UNIT)
    rescue L::Timeout
      L.wait_for(job.call(1, 2), 2 * UNIT)
    end
  end

  document 's003_11_to_thread', real: true do
    work = lambda do
      @said << "#{stamp} main thread: #{python(Thread.current == Thread.main)}"
      sleep 3 * UNIT
    end
    jobs = Array.new(3) do
      L.spawn do
        L.to_thread(&work)
        pause(1)
        say "job done! #{stamp}"
      end
    end
    L.gather(*jobs).await
  end

  document 's004_10_callback_prose' do
    callback = ->(label, future) { say label, L.aw_future_error(future) ? 'exception' : future.result }
    good = L.spawn { 1 }
    bad = L.spawn { raise ArgumentError }
    good.add_done_callback { |future| callback.call('ok', future) }
    bad.add_done_callback { |future| callback.call('bad', future) }
    say 'callbacks set'
    L.wait([good, bad])
  end

  document 'trap_Q01' do
    queue = L::Queue.new(1)
    putters = %w[0 1 2].map { |item| L.spawn { queue.put(item) || say('put', item) } }
    2.times { L.pass }
    say python(queue.full), queue.size
    3.times { say 'got', queue.get }
    L.gather(*putters).await
    [0, -1].each do |limit|
      queue = L::Queue.new(limit)
      getters = %w[a b c].map { |name| L.spawn { say name, 'got', queue.get } }
      L.pass
      %w[0 1 2 3 4].each { |item| queue.put_nowait(item) }
      say python(queue.full), queue.size
      L.gather(*getters).await
      say queue.get_nowait, queue.get_nowait, python(queue.empty)
    end
  end

  document 'trap_Y01' do
    lock = L::Lock.new
    user = ->(name) { lock.synchronize { say(name) && L.pass } }
    lock.acquire
    tasks = %w[a b].map { |name| L.spawn { user.call(name) } }
    L.pass
    lock.release
    say python(lock.locked)
    user.call('new')
    L.gather(*tasks).await
  end

  document 'trap_Y02' do
    lock = L::Lock.new
    lock.acquire
    a, b = %w[a b].map { |name| L.spawn { lock.synchronize { say name } } }
    L.pass
    lock.release
    a.cancel
    L.wait([a, b], seconds: 1)
    say python(a.cancelled?), python(b.done?), python(lock.locked)
  end

  document 'trap_Y04' do |loop|
    loop.call_soon { say 'tick' }
    lock, semaphore, event, queue = L::Lock.new, L::Semaphore.new, L::Event.new, L::Queue.new
    lock.acquire
    lock.release
    say 'lock'
    semaphore.acquire
    say 'semaphore'
    event.set
    event.wait
    say 'event'
    queue.put(1)
    say 'queue', queue.get
    L.pass
  end

  # Outside the loop, which another thread drives.
  threadsafe = proc do
    loop = L::Loop.new
    thread = Thread.new { loop.run_forever }
    future = loop.run_coroutine_threadsafe { L.sleep(0.2 * UNIT) || 42 }
    said = "#{future.class.name[/Concurrent/].downcase} #{future.value(2)}"
    loop.call_soon_threadsafe { loop.stop }
    thread.join
    loop.close
    assert_equal File.read(expected('s003_14_threadsafe_prose')).chomp, said
  end
  VIRTUAL ? left_out('s003_14_threadsafe_prose') : self.case('s003_14_threadsafe_prose', &threadsafe)
end
