# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# The set-up of Ruby's own tests of the fiber scheduler: the classes they use, on libawait.

require 'libawait'
require 'socket'
require 'io/nonblock'

class Scheduler < Libawait::Scheduler
  # One test counts who waits.
  def waiting = Array.new(super)
end

# Ours reads and writes buffers anyway.
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
