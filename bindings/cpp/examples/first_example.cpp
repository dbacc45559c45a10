// SPDX-License-Identifier: MIT
// Four shell commands at once, each with a two-second timeout, gathered.
#include <await/await.hpp>
#include <iostream>
using namespace std::chrono_literals;

libawait::co<void> single_process(std::string command) {
	auto process = libawait::process::shell(
		command, libawait::process_options().pipe(1).pipe(2).flags(AW_PROCESS_GROUP));
	try {
		co_await libawait::wait_for(process.communicate(), 2s);
		std::cout << command << " complete" << std::endl;
	} catch (const libawait::timed_out &) {
		std::cout << command << " timeout" << std::endl;
	}
}

int main() {
	libawait::run([]() -> libawait::co<void> {
		co_await libawait::gather(single_process("sleep 1 && echo hello"), single_process("sleep 1.5"),
		                          single_process("echo world"), single_process("sleep 500"));
	});
}
