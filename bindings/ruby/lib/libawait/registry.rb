# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  class << self
    # @return [Array<Hash>] the name, status (0: usable) and reason of each backend
    def backends
      list = aw_backend_list_new
      Array.new(list.count) { |at| { name: list.name(at), status: list.status(at), reason: list.reason(at) } }
    end
  end
end
