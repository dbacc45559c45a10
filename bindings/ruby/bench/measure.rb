# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# One workload of one variant: a line, "workload<TAB>variant<TAB>nanoseconds for one". Exit status 77 if the variant is not installed.
# usage: measure.rb [--quick] VARIANT WORKLOAD

SCALE = ARGV.delete('--quick') ? 50 : 1
VARIANT, WORKLOAD = ARGV

def measure(workload, name, times)
  return unless workload == WORKLOAD

  times = [times / SCALE, 1].max
  yield [times / 10, 1].max # what is made once
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  yield times
  puts "#{workload}\t#{name}\t#{(Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - began).fdiv(times).round(1)}"
end

COUNTS = { 'spawn and join' => 20_000, 'await to resume' => 50_000, 'queue hand-over' => 50_000, 'sleep(0)' => 50_000,
           'subprocess (/bin/true)' => 200 }.freeze

# The plain Ruby that threads and fiber schedulers share. `start` gives what can be joined.
def plain(name, start, join, workloads = COUNTS.keys)
  works = {
    'spawn and join' => ->(times) { times.times { join.call(start.call {}) } },
    'await to resume' => lambda do |times|
      there, back = Thread::Queue.new, Thread::Queue.new
      other = start.call { (times / 2).times { back << there.pop } }
      (times / 2).times { there << 1 and back.pop }
      join.call(other)
    end,
    'queue hand-over' => lambda do |times|
      queue = Thread::SizedQueue.new(10)
      other = start.call { times.times { |item| queue << item } }
      times.times { queue.pop }
      join.call(other)
    end,
    'sleep(0)' => ->(times) { times.times { sleep(0) } },
    'subprocess (/bin/true)' => ->(times) { times.times { Process.wait(spawn('/bin/true')) } }
  }
  workloads.each { |workload| measure(workload, name, COUNTS[workload], &works[workload]) }
end

case VARIANT
when 'libawait'
  require 'libawait'
  Libawait.run do |loop|
    name = "libawait, #{loop.backend}"
    measure('spawn and join', name, COUNTS['spawn and join']) { |times| times.times { Libawait.spawn {}.await } }
    measure('await to resume', name, COUNTS['await to resume']) do |times|
      there, back = loop.create_future, loop.create_future
      other = Libawait.spawn do
        (times / 2).times do
          there.await
          there = loop.create_future
          back.set_result(1)
        end
      end
      (times / 2).times do
        there.set_result(1)
        back.await
        back = loop.create_future
      end
      other.await
    end
    measure('queue hand-over', name, COUNTS['queue hand-over']) do |times|
      queue = Libawait::Queue.new(10)
      other = Libawait.spawn { times.times { |item| queue.put(item) } }
      times.times { queue.get }
      other.await
    end
    measure('sleep(0)', name, COUNTS['sleep(0)']) { |times| times.times { Libawait.sleep(0) } }
    measure('subprocess (/bin/true)', name, COUNTS['subprocess (/bin/true)']) do |times|
      times.times { Libawait::Process.exec('/bin/true').wait.await }
    end
  end
when 'scheduler'
  require 'libawait'
  Fiber.set_scheduler(Libawait::Scheduler.new)
  Fiber.schedule do
    start = lambda do |&block|
      done = Thread::Queue.new
      Fiber.schedule { block.call || done.close }
      done
    end
    plain("libawait's scheduler, #{Fiber.scheduler.loop.backend}", ->(&block) { start.call { block.call && nil } }, ->(done) { done.pop })
  end
  Fiber.scheduler.run
when 'threads'
  plain('threads', ->(&block) { Thread.new(&block) }, ->(thread) { thread.join })
when 'async'
  begin
    require 'async'
  rescue LoadError => error
    warn "left out: async: #{error.message}"
    exit 77
  end
  Async { |task| plain("async #{Async::VERSION}", ->(&block) { task.async(&block) }, ->(other) { other.wait }) }
end
