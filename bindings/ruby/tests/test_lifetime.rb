# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# The collector frees handles; blocks and values live as long as C needs them.

require_relative 'check'

class LifetimeTest < CheckCase
  # In a thread, whose stack is gone afterwards, because the collector scans stacks conservatively.
  def elsewhere(&) = Thread.new(&).join

  def collected(base)
    10.times do
      Libawait.collect
      break if Libawait.aw_debug_live_handles <= base
    end
    Libawait.aw_debug_live_handles
  end

  self.case 'handles are released with their wrappers' do
    Libawait.collect
    base = Libawait.aw_debug_live_handles
    elsewhere do
      with_loop do |loop|
        100.times { loop.create_future.set_result('value') }
        100.times { Libawait::Lock.new(loop) }
        tasks = Array.new(50) { |i| loop.spawn { Libawait.sleep(0, i) } }
        loop.run_until_complete(Libawait.aw_gather(loop, tasks, 0))
      end
    end
    # The conservative collector may miss a few, never hundreds.
    assert_operator collected(base), :<=, base + 8
  end

  self.case 'blocks and values are freed once C has released them' do
    with_loop do |loop|
      held = Array.new(3) { ObjectSpace::WeakMap.new }
      elsewhere do
        100.times do |i|
          objects = Array.new(3) { Object.new }
          objects.each_with_index { |object, kind| held[kind][i] = object }
          loop.call_soon { objects[0] }
          loop.create_future.set_result(objects[1])
          loop.call_soon { objects[2] }.cancel
        end
        loop.dispatch
      end
      Libawait.collect
      loop.dispatch # the other thread owned the loop
      Libawait.collect
      held.each { |weak| assert_operator weak.values.size, :<=, 5 }
    end
  end

  self.case 'a loop that was dropped without close is freed as well' do
    Libawait.collect
    base = Libawait.aw_debug_live_handles
    elsewhere { 5.times { Libawait::Loop.new.call_soon { flunk } } }
    assert_operator collected(base), :<=, base + 4
  end

  self.case 'blocks and values survive collection and compaction while C has them' do
    with_loop do |loop|
      seen = []
      200.times { |i| loop.call_soon { seen << "number #{i}" } }
      future = loop.create_future
      future.set_result("a value#{loop.object_id}")
      GC.start
      GC.compact if GC.respond_to?(:compact)
      loop.dispatch
      assert_equal Array.new(200) { |i| "number #{i}" }, seen
      assert_equal "a value#{loop.object_id}", future.result
    end
  end

  self.case 'a task continues after its wrapper is collected' do
    Libawait.run do
      seen = []
      10.times { |i| Libawait.spawn { Libawait.sleep(0.005) || seen << i } }
      Libawait.collect
      Libawait.sleep(0.02)
      assert_equal (0..9).to_a, seen
    end
  end

  self.case 'all of it works while the collector runs at every allocation' do
    GC.stress = true
    begin
      value = Libawait.run do |loop|
        future = loop.create_future
        loop.call_soon { future.set_result('stressed') }
        tasks = [Libawait.spawn { future.await }, Libawait.spawn { Libawait.wait_for(loop.create_future, 0.01) }]
        Libawait.gather(*tasks, return_errors: true).await
      end
    ensure
      GC.stress = false
    end
    assert_equal 'stressed', value[0]
    assert_kind_of Libawait::Timeout, value[1]
  end
end
