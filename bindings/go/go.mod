// SPDX-License-Identifier: MIT
module github.com/libawait/libawait/bindings/go

go 1.19
