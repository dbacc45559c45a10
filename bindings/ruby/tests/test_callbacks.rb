# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Blocks as callbacks of the loop and of futures.

require_relative 'check'

class CallbacksTest < CheckCase
  self.case 'callbacks run in the order of their registration' do
    with_loop do |loop|
      seen = []
      loop.call_later(0.01) { seen << :later and loop.stop }
      loop.call_soon { seen << :first }
      loop.call_soon { |given| seen << (given == loop ? :same_loop : :other_loop) }
      assert_empty seen
      loop.run_forever
      assert_equal %i[first same_loop later], seen
    end
  end

  self.case 'a cancelled handle calls nothing' do
    with_loop do |loop|
      handle = loop.call_soon { flunk 'called' }
      handle.cancel
      assert handle.cancelled
      assert_equal 0, loop.tap { |it| it.wait(0) }.dispatch.clamp(0, 0)
    end
  end

  self.case 'a done callback gets the future and runs through the ready queue' do
    with_loop do |loop|
      future = loop.create_future
      seen = []
      future.add_done_callback { |done| seen << done.result }
      future.set_result('value')
      assert_empty seen
      loop.dispatch
      assert_equal ['value'], seen
    end
  end

  self.case 'a done callback is removed by its block' do
    with_loop do |loop|
      future = loop.create_future
      gone = proc { flunk 'called' }
      2.times { future.add_done_callback(&gone) }
      stays = []
      future.add_done_callback { stays << 1 }
      assert_equal 2, future.remove_done_callback(gone)
      future.set_result(nil)
      loop.dispatch
      assert_equal [1], stays
    end
  end

  self.case 'a lambda without parameters works as well' do
    with_loop do |loop|
      seen = []
      loop.call_soon(&-> { seen << 1 })
      loop.dispatch
      assert_equal [1], seen
    end
  end

  self.case 'a call without its block is refused' do
    with_loop { |loop| assert_raises(LocalJumpError) { loop.call_soon } }
  end

  self.case 'a reader is called while there is something to read' do
    with_loop do |loop|
      IO.pipe do |reader, writer|
        seen = []
        loop.add_reader(reader.fileno) do
          seen << reader.read_nonblock(10)
          loop.stop
        end
        writer.write('bytes')
        loop.run_forever
        assert_equal ['bytes'], seen
        assert_equal 1, loop.remove_reader(reader.fileno)
      end
    end
  end

  self.case 'a priority queue compares by its block' do
    with_loop do |loop|
      queue = Libawait::Queue.new_priority(loop, 0) { |a, b| a <=> b }
      [3, 1, 2].each { |item| queue.put_nowait(item) }
      assert_equal [1, 2, 3], Array.new(3) { queue.get_nowait }
      queue.put_nowait(1)
      assert_raises(TypeError, NoMethodError) { queue.put_nowait('one') }
    end
  end

  self.case 'host data is the object itself' do
    with_loop do |loop|
      object = Object.new
      loop.set_host_data(object)
      assert_same object, loop.host_data
      Libawait.aw_context_set(:key, object)
      assert_same object, Libawait.aw_context_get(:key)
      Libawait.aw_context_unset(:key)
      assert_raises(Errno::ENOENT) { Libawait.aw_context_get(:key) }
    end
  end
end
