/* SPDX-License-Identifier: MIT */
/**
 * @file registry.hpp
 * Backends.
 */
#ifndef AWAIT_REGISTRY_HPP
#define AWAIT_REGISTRY_HPP

#include <await/error.hpp>
#include <string>
#include <vector>

namespace libawait {

/** A backend and its status. */
struct backend_info {
	std::string name, description, grade, origin;
	aw_status status; /**< 0 if it can be used here */
	std::string reason;
};

/** Returns the backends that were found. Any thread. */
inline std::vector<backend_info> backends() {
	using list = detail::shared<aw_backend_list, aw_backend_list_ref, aw_backend_list_unref>;
	auto found = detail::make<list>(aw_backend_list_new);
	const aw_backend_list *raw = found.get();
	std::vector<backend_info> all;
	for (size_t i = 0; i < aw_backend_list_count(raw); i++)
		all.push_back(
			{detail::text(aw_backend_list_name(raw, i)), detail::text(aw_backend_list_description(raw, i)),
		     detail::text(aw_backend_list_class(raw, i)), detail::text(aw_backend_list_origin(raw, i)),
		     aw_backend_list_status(raw, i), detail::text(aw_backend_list_reason(raw, i))});
	return all;
}
/** Describes what loop::open() would do. Any thread. */
inline std::string explain_backend(const char *backend = nullptr) {
	char text[1024] = "";
	(void)aw_backend_explain(backend, text, sizeof text);
	return text;
}

} // namespace libawait

#endif
