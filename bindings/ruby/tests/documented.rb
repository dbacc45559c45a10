# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Every class, method and constant in lib/ is documented, according to YARD.

require 'open3'
require 'tmpdir'

FOLDER = File.expand_path('..', __dir__)

begin
  require 'yard'
rescue LoadError
  puts 'skipped: yard is not installed', '0 passed, 0 failed, 1 skipped'
  exit 77
end

documented = missing = nil
Dir.mktmpdir do |database|
  YARD::Registry.yardoc_file = "#{database}/yardoc"
  YARD::Logger.instance.level = YARD::Logger::ERROR
  YARD.parse(Dir["#{FOLDER}/lib/**/*.rb"])
  objects = YARD::Registry.all(:module, :class, :method, :constant).reject { |one| one.visibility == :private || one.tag(:private) }
  documented, missing = objects.partition { |one| !one.docstring.blank? || (one.type == :method && one.is_alias?) }
end
missing.each { |one| puts "not documented: #{one.path} (#{one.file}:#{one.line})" }
puts "#{documented.size} passed, #{missing.size} failed"
exit missing.empty? && !documented.empty?
