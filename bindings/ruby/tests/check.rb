# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Each test file is a program whose last line of output is "N passed, N failed".

require 'minitest/autorun'
require 'libawait'
require 'timeout'

module Check
  class ClosingLine < Minitest::StatisticsReporter
    def report
      super
      results.select(&:skipped?).each { |result| puts "skipped: #{result.failure.message}" }
      puts "#{count - failures - errors - skips} passed, #{failures + errors} failed#{", #{skips} skipped" if skips.positive?}"
    end
  end

  SOURCE = ENV.fetch('AWAIT_TEST_SOURCE', File.expand_path('../../..', __dir__))
end

module Minitest
  def self.plugin_closing_line_init(options) = reporter << Check::ClosingLine.new(options[:io], options)
  extensions << 'closing_line'
end

class CheckCase < Minitest::Test
  make_my_diffs_pretty!

  def self.case(sentence, &) = define_method("test_#{sentence.tr(' ', '_')}", &)

  # A loop for this case, closed at its end.
  def with_loop(*backend)
    loop = Libawait::Loop.new(*backend)
    yield loop
  ensure
    loop&.close
  end
end
