# SPDX-License-Identifier: MIT
# The work of the C programs with the gem async. Prints samples as bench.c does with --raw. usage: async.rb [--quick] [--rounds N]
begin
  require 'async'
  require 'async/queue'
rescue LoadError
  exit 77
end

BATCH = 1000
QUICK = ARGV.include?('--quick')
ROUNDS = (ARGV[ARGV.index('--rounds') + 1] if ARGV.include?('--rounds')).to_i.clamp(1, 1000)
NAME = "Ruby async #{Async::VERSION}".freeze

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)

def one_by_one(task, count) = count.times { task.async { nil }.wait }

def at_once(task, count)
  (count / BATCH).times { Array.new(BATCH) { task.async { nil } }.each(&:wait) }
end

def turns(task, count)
  Array.new(2) { task.async { |own| (count / 2).times { own.yield } } }.each(&:wait)
end

def hand_over(task, count, size)
  queue = Async::LimitedQueue.new(size)
  [task.async { count.times { |item| queue.enqueue(item) } }, task.async { count.times { queue.dequeue } }].each(&:wait)
end

def resident
  File.foreach('/proc/self/status').grep(/\AVm(RSS|PTE):/).sum { |line| line.split[1].to_i * 1024 }
end

WORKS = [
  ['a task spawned and joined, one by one', 5_000, ->(task, count) { one_by_one(task, count) }],
  ['a task spawned and joined, 1,000 at once', 5_000, ->(task, count) { at_once(task, count) }],
  ["a task's turn given away", 10_000, ->(task, count) { turns(task, count) }],
  ['an item through a queue of 1', 10_000, ->(task, count) { hand_over(task, count, 1) }],
  ['an item through a queue of 1,000', 10_000, ->(task, count) { hand_over(task, count, 1000) }]
].freeze

$stdout.sync = true
WORKS.each do |work, all, run|
  count = QUICK ? all / 10 : all
  (0..ROUNDS).each do |round|
    Async do |task|
      began = now
      run.call(task, count)
      took = now - began
      puts "#{work}\t#{NAME}\t#{took.fdiv(count)}" if round.positive? # the first is a warm-up
    end
  end
end

Async do |task|
  GC.start
  before = resident
  sleepers = Array.new(1000) { task.async { |own| own.sleep(3600) } }
  puts "memory of a sleeping task, bytes\t#{NAME}\t#{(resident - before).fdiv(sleepers.size)}"
  sleepers.each(&:stop)
end
