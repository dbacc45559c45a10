# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# A multithreaded program in which some threads run a libawait loop with tasks: an echo server and its clients over loopback, a pipeline
# of queues, subprocesses, and results passed to plain threads. Checks under load for AWAIT_LOAD_SECONDS that nothing is lost, threads
# without a loop are not blocked, and nothing leaks.

require 'libawait'
require 'socket'

SECONDS = Float(ENV.fetch('AWAIT_LOAD_SECONDS', '2'))
LOOPS = 3
CLIENTS = 8
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
fds = -> { Dir.children('/proc/self/fd').size }
rss = -> { File.read('/proc/self/statm').split[1].to_i * 4 } # KiB

# Counters that several threads increment.
class Ledger
  def initialize
    @lock, @counts = Mutex.new, Hash.new(0)
  end

  def add(what, number = 1) = @lock.synchronize { @counts[what] += number }
  def [](what) = @lock.synchronize { @counts[what] }
end

# The work of one loop until `stop` returns true.
class Worker
  def initialize(ledger, results, deadline, clock)
    @ledger, @results, @deadline, @clock = ledger, results, deadline, clock
  end

  def run
    Libawait.run do
      server = TCPServer.new('127.0.0.1', 0)
      serving = Libawait.spawn { serve(server) }
      Libawait.group do |group|
        CLIENTS.times { |number| group.spawn { client(server.addr[1], number) } }
        group.spawn { pipeline }
        group.spawn { processes }
      end
      serving.cancel
      Libawait.wait([serving])
      server.close
    end
  end

  private

  def busy? = @clock.call < @deadline

  def serve(server)
    loop do
      connection = server.accept
      Libawait.spawn do
        while (line = connection.gets)
          @ledger.add(:requests)
          connection.write(line.upcase)
        end
      ensure
        connection.close
      end
    end
  end

  def client(port, number)
    while busy?
      TCPSocket.open('127.0.0.1', port) do |socket|
        20.times do |at|
          @ledger.add(:asked)
          socket.puts("message #{number} #{at}")
          @ledger.add(:answered) if socket.gets == "MESSAGE #{number} #{at}\n"
        end
      end
    end
  end

  # From one task to another, and then to a plain thread.
  def pipeline
    queue = Libawait::Queue.new(4)
    producer = Libawait.spawn do
      while busy?
        10.times { |item| queue.put(item) && @ledger.add(:unexpected) || @ledger.add(:put) }
        sleep 0.001
      end
      queue.shutdown(false)
    end
    begin
      loop { @results << queue.get }
    rescue Libawait::Error
      producer.await
    end
  end

  def processes
    while busy?
      @ledger.add(:started)
      @ledger.add(:ended) if `echo done` == "done\n"
      begin
        Libawait.timeout(0.005) { sleep 60 }
      rescue Libawait::Timeout
        @ledger.add(:limits)
      end
    end
  end
end

# Several rounds: growth from the first to the last is a leak.
def round(seconds, clock, ledger)
  results = Thread::Queue.new
  received = Thread.new do
    count = 0
    count += 1 while results.pop
    count
  end
  worst = 0.0
  finished = false
  heartbeat = Thread.new do
    until finished
      began = clock.call
      sleep 0.01
      worst = [worst, clock.call - began - 0.01].max
    end
  end
  deadline = clock.call + seconds
  Array.new(LOOPS) { Thread.new { Worker.new(ledger, results, deadline, clock).run } }.each(&:join)
  finished = true
  heartbeat.join
  results.close
  ledger.add(:received, received.value)
  worst
end

ledger = Ledger.new
round([SECONDS / 8, 0.2].max, clock, Ledger.new) # warm-up: allocates what is allocated only once
collect = -> { 5.times { Libawait.collect } }
collect.call
before = { handles: Libawait.aw_debug_live_handles, fds: fds.call, rss: rss.call }
worst = Array.new(3) { round(SECONDS / 3, clock, ledger) }.max
collect.call
after = { handles: Libawait.aw_debug_live_handles, fds: fds.call, rss: rss.call }

counts = %i[asked requests answered put received started ended limits].to_h { |what| [what, ledger[what]] }
puts "#{LOOPS} loops, #{SECONDS} s: #{counts.map { |what, count| "#{count} #{what}" }.join(', ')}"
puts format('worst delay of a heartbeat %.1f ms; before %p, after %p', worst * 1000, before, after)

passed = failed = 0
check = lambda do |what, right|
  right ? passed += 1 : failed += 1
  puts "failed: #{what}" unless right
end
check.call('some work was done', counts.values_at(:asked, :put, :started).all?(&:positive?))
check.call('every request was received and answered', [counts[:requests], counts[:answered]] == [counts[:asked]] * 2)
check.call('every item reached the other thread', counts[:put] == counts[:received] && ledger[:unexpected].zero?)
check.call('every process ended, every timeout fired', counts[:started] == counts[:ended] && counts[:limits] == counts[:started])
check.call('no thread was blocked', worst < 1.0)
check.call('no handle was left', after[:handles] <= before[:handles] + 16)
check.call('no descriptor was left', after[:fds] <= before[:fds] + 2)
check.call('the memory did not grow', after[:rss] < before[:rss] + 50_000)
puts "#{passed} passed, #{failed} failed"
exit failed.zero?
