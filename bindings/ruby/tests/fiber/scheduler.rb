# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# The setup for Ruby's own fiber scheduler tests: the classes they use, implemented with libawait.

require 'libawait'
require 'socket'
require 'io/nonblock'

class Scheduler < Libawait::Scheduler
  # One test counts the waiting fibers.
  def waiting = Array.new(super)
end

# Our scheduler always reads and writes buffers.
IOBufferScheduler = Class.new(Scheduler)

class BrokenUnblockScheduler < Scheduler
  def unblock(blocker, fiber)
    super
    raise 'Broken unblock!'
  end
end

class SleepingUnblockScheduler < Scheduler
  def unblock(blocker, fiber)
    super
    sleep(0.1)
  end
end
