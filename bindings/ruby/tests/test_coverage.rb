# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# Every public function is wrapped, or left out with a reason.

require_relative 'check'

class CoverageTest < CheckCase
  HEADERS = Dir["#{Check::SOURCE}/abi/await/*.h"].reject { |path| path.end_with?('/backend.h') }
  INTERFACE = "#{Check::SOURCE}/bindings/swig"

  def public_functions
    HEADERS.flat_map { |path| File.read(path).scan(/AW_API[^;(]*?\b(aw_\w+)\(/).flatten }.uniq
  end

  def stackful
    mark = /^AW_STACKFUL\s+(?:AW_\w+(?:\([^)]*\))?\s+)*AW_API\b[^;(]*?\b(aw_\w+)\(/
    HEADERS.flat_map { |path| File.read(path).scan(mark).flatten }
  end

  def left_out
    stackful + File.read("#{INTERFACE}/left_out.i").scan(/^%ignore (aw_\w+);/).flatten +
      File.read("#{INTERFACE}/handles.i").scan(/^HANDLE\((aw_\w+),/).flatten.flat_map { |type| ["#{type}_ref", "#{type}_unref"] }
  end

  self.case 'every function of the headers is wrapped or listed as left out' do
    assert_operator public_functions.size, :>, 150
    assert_operator stackful.size, :>, 40
    missing = public_functions - left_out - Libawait.singleton_methods.map(&:to_s)
    assert_empty missing
  end

  self.case 'the list contains no missing and no wrapped functions' do
    assert_empty left_out - public_functions
    assert_empty left_out & Libawait.singleton_methods.map(&:to_s)
  end

  self.case 'every function of an object is a method of its class' do
    assert_respond_to Libawait::Loop.instance_method(:call_soon), :bind
    wrapped = Libawait.singleton_methods.grep(/\Aaw_queue_/).map { |name| name.to_s.delete_prefix('aw_queue_') }
    methods = (Libawait::Queue.instance_methods + Libawait::Queue.singleton_methods).map(&:to_s)
    assert_empty wrapped - methods
  end

  self.case 'every header is part of the interface' do
    included = File.read("#{INTERFACE}/libawait.i").scan(%r{%include <await/(\w+\.h)>}).flatten
    without_functions = %w[await.h easy.h stackless.h]
    assert_empty HEADERS.map { |path| File.basename(path) } - included - without_functions
  end

  self.case 'the loaded library matches the headers' do
    assert_equal 0, Libawait.aw_abi_version
    assert_match(/\A\d+\.\d+\.\d+\z/, Libawait.aw_version)
  end
end
