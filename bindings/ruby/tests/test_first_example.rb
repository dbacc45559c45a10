# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# The first example prints what CPython prints, and kills commands that take longer than two seconds.

require_relative 'check'
require 'open3'

class FirstExampleTest < CheckCase
  EXAMPLE = File.expand_path('../examples/first_example.rb', __dir__)
  # Recorded from CPython.
  EXPECTED = File.read("#{Check::SOURCE}/conformance/cases/documents/s000_01_subprocess_timeout.expected")

  def backends = Libawait.backends.select { |one| one[:status].zero? && one[:name] != 'virtual' }.map { |one| one[:name] }

  self.case 'it prints the trace on every backend' do
    refute_empty backends
    runs = backends.map do |backend|
      Thread.new do
        began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        out, status = Open3.capture2e({ 'AWAIT_BACKEND' => backend }, RbConfig.ruby, '-w', EXAMPLE)
        [backend, out, status, Process.clock_gettime(Process::CLOCK_MONOTONIC) - began]
      end
    end
    runs.map(&:value).each do |backend, out, status, seconds|
      assert_equal EXPECTED, out, backend
      assert status.success?, backend
      # Not before the two-second timeout; and it did not wait for `sleep 500`, however busy the machine is.
      assert_includes 2.0..400.0, seconds, backend
    end
  end
end
