# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Batches: many operations are submitted in one call, and many completions drained in another.

require_relative 'check'

class CompletionsTest < CheckCase
  include Libawait

  def drain_all(loop, count)
    all = []
    all.concat(loop.drain || []) while all.size < count
    all
  end

  self.case 'an array is submitted and each gives one completion' do
    with_loop do |loop|
      taken = loop.submit([{ kind: AW_OP_NOP, token: :nothing },
                           { kind: AW_OP_SLEEP, token: 'sleep', offset: 1000 }])
      assert_equal 2, taken
      done = drain_all(loop, 2)
      assert_equal [:nothing, 'sleep'], done.map(&:first)
      assert_equal [0, 0], done.map { |one| one[1] }
    end
  end

  self.case 'a buffer is filled in place and locked until then' do
    with_loop do |loop|
      IO.pipe do |reader, writer|
        buffer = '.' * 10
        loop.submit([{ kind: AW_OP_READ, token: 1, fd: reader.fileno, buffer: buffer }])
        assert_raises(RuntimeError) { buffer << 'more' }
        loop.submit([{ kind: AW_OP_WRITE, token: 2, fd: writer.fileno, buffer: 'hello' }])
        GC.start
        done = drain_all(loop, 2).sort
        assert_equal [[1, 0, 5], [2, 0, 5]], done
        assert_equal 'hello.....', buffer
        buffer << 'more'
      end
    end
  end

  self.case 'a future is waited for by its token' do
    with_loop do |loop|
      future = loop.create_future
      value = Object.new
      loop.submit([{ kind: AW_OP_FUTURE, token: 7, buffer: future }])
      loop.call_soon { future.set_result(value) }
      assert_equal [[7, 0, value]], drain_all(loop, 1)
    end
  end

  self.case 'a token is cancelled and its completion follows' do
    with_loop do |loop|
      loop.submit([{ kind: AW_OP_SLEEP, token: :long, offset: 60 * SECOND }])
      assert_equal 0, loop.cancel_token(:other)
      assert_equal 1, loop.cancel_token(:long)
      assert_equal [[:long, AW_ECANCELLED, 0]], drain_all(loop, 1)
    end
  end

  self.case 'a drain that times out returns nil' do
    with_loop { |loop| assert_nil loop.drain(timeout: 0) }
  end

  self.case 'an invalid operation is refused and its buffer is unlocked' do
    with_loop do |loop|
      buffer = +'....'
      assert_raises(SystemCallError) { loop.submit([{ kind: 99, token: 1 }]) }
      assert_raises(TypeError) { loop.submit([{ kind: AW_OP_READ, fd: 0, token: 1, buffer: buffer }, 1]) }
      buffer << 'free'
    end
  end

  self.case 'closing the loop unlocks the buffers' do
    buffer = +'....'
    IO.pipe do |reader, _writer|
      with_loop { |loop| loop.submit([{ kind: AW_OP_READ, fd: reader.fileno, token: 1, buffer: buffer }]) }
    end
    buffer << 'free'
  end
end
