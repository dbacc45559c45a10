# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Typical fiber programs: plain Ruby in tasks, under virtual time if they only wait for time to pass.

require_relative 'check'
require 'socket'

class ProgramsTest < CheckCase
  def virtually(&) = Libawait.run('virtual', &)
  def now = Libawait::Loop.current.time.fdiv(Libawait::SECOND)

  self.case 'sequential tasks take the sum of their times, concurrent ones the maximum' do
    virtually do
      began = now
      3.times { |seconds| sleep(seconds) }
      assert_in_delta 3, now - began, 1e-6
      began = now
      3.times.map { |seconds| Libawait.spawn { sleep(seconds) } }.each(&:await)
      assert_in_delta 2, now - began, 1e-6
    end
  end

  self.case 'map and reduce' do
    virtually do
      users, posts = Libawait.spawn { sleep(2) && 4 }, Libawait.spawn { sleep(1) && 20 }
      assert_equal 5, posts.await / users.await
      assert_equal 4, users.await # once more
    end
  end

  self.case 'a semaphore limits how many work at once' do
    virtually do
      semaphore, at_work, most = Libawait::Semaphore.new(2), 0, 0
      jobs = Array.new(10) do |number|
        Libawait.spawn do
          semaphore.synchronize do
            most = [most, at_work += 1].max
            sleep(1 + number % 3)
            at_work -= 1
          end
        end
      end
      Libawait.gather(*jobs).await
      assert_equal [2, 0], [most, at_work]
    end
  end

  self.case 'a group waits for all of its tasks, including those that tasks add' do
    virtually do
      seen = []
      Libawait.group do |group|
        3.times { |number| group.spawn { sleep(number) && group.spawn { sleep(5) && seen << number } } }
      end
      assert_equal [0, 1, 2], seen
    end
  end

  self.case 'the first two are awaited and the others cancelled' do
    virtually do
      ensured = []
      tasks = [5, 1, 3, 2].map do |seconds|
        Libawait.spawn do
          sleep(seconds) && seconds
        ensure
          ensured << seconds
        end
      end
      first = []
      Libawait.as_completed(tasks) do |one|
        first << one.result
        break if first.size == 2
      end
      tasks.each(&:cancel)
      Libawait.wait(tasks)
      assert_equal [1, 2], first
      assert_equal [true, false, true, false], tasks.map(&:cancelled?)
      assert_equal [1, 2, 3, 5], ensured.sort
    end
  end

  self.case 'a failing task cancels the others in its group' do
    virtually do
      seen = []
      error = assert_raises(Libawait::ErrorGroup) do
        Libawait.group do |group|
          group.spawn do
            sleep
          ensure
            seen << :ensured
          end
          group.spawn { sleep(1) && raise(KeyError, 'boom') }
        end
      end
      assert_equal [KeyError, 'boom'], [error.errors.first.class, error.errors.first.message]
      assert_equal [:ensured], seen
    end
  end

  self.case 'a timeout leaves the rest of the program running' do
    virtually do
      began = now
      said = begin
        Libawait.timeout(1) { sleep 100 }
      rescue Libawait::Timeout
        "timed out after #{(now - began).round}"
      end
      assert_equal 'timed out after 1', said
      assert_raises(Timeout::Error) { Timeout.timeout(1) { Thread::Queue.new.pop } }
      assert_in_delta 2, now - began, 1e-6
    end
  end

  self.case 'a periodic timer keeps its pace' do
    virtually do
      began, ticks = now, []
      ticker = Libawait.spawn do
        due = now
        loop do
          ticks << (now - began).round
          sleep 2 # the work
          due += 5
          sleep(due - now) if due > now
        end
      end
      sleep 16
      ticker.cancel
      assert_equal [0, 5, 10, 15], ticks
    end
  end

  self.case 'producers and consumers share a bounded queue until it is shut down' do
    virtually do
      queue, got = Libawait::Queue.new(2), []
      consumers = Array.new(3) do
        Libawait.spawn do
          loop do
            item = queue.get
            sleep 1
            got << item
          end
        rescue Libawait::Error => e
          assert_equal Libawait::AW_EQUEUESHUTDOWN, e.code
        end
      end
      Libawait.group do |group|
        2.times { |producer| group.spawn { 10.times { |number| queue.put(producer * 10 + number) } } }
      end
      queue.shutdown(false)
      Libawait.gather(*consumers).await
      assert_equal (0..19).to_a, got.sort
    end
  end

  # A server that responds like an HTTP server, with one fiber per connection.
  def serve(server)
    loop do
      client = server.accept
      Libawait.spawn do
        path = client.gets.split[1]
        nil until client.gets.chomp.empty?
        sleep 0.005
        body = "you asked for #{path}"
        client.write("HTTP/1.1 200 OK\r\nContent-Length: #{body.size}\r\nConnection: close\r\n\r\n#{body}")
      ensure
        client.close
      end
    end
  end

  self.case 'fifty requests to a server in the same thread' do
    require 'net/http'
    Libawait.run do
      server = TCPServer.new('127.0.0.1', 0)
      serving = Libawait.spawn { serve(server) }
      requests = Array.new(50) { |number| Libawait.spawn { Net::HTTP.get('127.0.0.1', "/#{number}", server.addr[1]) } }
      assert_equal Array.new(50) { |number| "you asked for /#{number}" }, Libawait.gather(*requests).await
      serving.cancel
      assert_raises(Libawait::Cancelled) { serving.await }
      server.close
    end
  end

  self.case 'a server is stopped with connections open, and each is closed' do
    closed = 0
    Libawait.run do
      server = TCPServer.new('127.0.0.1', 0)
      serving = Libawait.spawn do
        Libawait.group do |group|
          loop do
            client = server.accept
            group.spawn do
              client.gets
            ensure
              client.close
              closed += 1
            end
          end
        end
      ensure
        server.close
      end
      clients = Array.new(5) { TCPSocket.new('127.0.0.1', server.addr[1]) }
      sleep 0.02
      serving.cancel
      assert_raises(Libawait::Cancelled) { serving.await }
      assert_equal [nil] * 5, clients.map { |client| client.read(1) }
      assert_predicate server, :closed?
    end
    assert_equal 5, closed
  end

  self.case 'subprocesses run concurrently, and one is killed on timeout' do
    Libawait.run do
      outputs = ['echo 1', 'sleep 0.02; echo 2', 'printf 3'].map { |command| Libawait.spawn { `#{command}`.strip } }
      assert_equal %w[1 2 3], Libawait.gather(*outputs).await
      pid = spawn('exec sleep 60')
      begin
        Timeout.timeout(0.02) { Process.wait(pid) }
        flunk 'ended'
      rescue Timeout::Error
        Process.kill(:TERM, pid)
        Process.wait(pid)
      end
      assert_equal Signal.list['TERM'], $?.termsig
    end
  end

  self.case 'a pool of connections is shared, and pruned in the background' do
    virtually do
      made, pool = 0, []
      with = lambda do |&work|
        connection = pool.pop || "connection #{made += 1}"
        work.call(connection)
      ensure
        pool << connection
      end
      pruner = Libawait.spawn do
        loop { sleep(10) && pool.pop }
      end
      tasks = Array.new(6) { |number| Libawait.spawn { sleep(number) && with.call { sleep 1.5 } } }
      Libawait.gather(*tasks).await
      assert_equal 2, made
      sleep 30
      assert_empty pool
      pruner.cancel
    end
  end

  self.case 'a long computation in a thread leaves the others running' do
    Libawait.run do
      ticks = 0
      ticker = Libawait.spawn { loop { sleep(0.001) && ticks += 1 } }
      # Much longer than the 100 ms after which Ruby lets another thread run, however fast the machine is.
      computed = Libawait.to_thread do
        ends, sum = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.5, 0
        sum += (1..10_000).sum { |number| number & 1 } while Process.clock_gettime(Process::CLOCK_MONOTONIC) < ends
        sum
      end
      assert_operator computed, :>=, 5_000
      assert_operator ticks, :>, 0
      ticker.cancel
    end
  end

  self.case 'run returns or raises what its block does, and may be called again' do
    assert_equal 3, Libawait.run { 3 }
    assert_raises(KeyError) { Libawait.run { raise KeyError } }
    assert_equal :thrown, catch(:out) { Libawait.run { throw :out, :thrown } }
  rescue UncaughtThrowError
    assert_equal 3, Libawait.run { 3 } # a throw does not cross the fiber of a task
  end
end
