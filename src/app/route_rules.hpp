// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

// What the parts of a route may be, in the configuration file and on the command line. Each check
// returns errc::invalid with what is wrong; the caller adds the name of the key or flag.
namespace msd::app {

/// The path of a route: "/api/", "/users/{id}", "/about".
[[nodiscard]] result<void> check_route_path(std::string_view path);

/// The host of a route in lower case: "shop.example", "*.shop.example", "10.0.0.5", "[::1]".
[[nodiscard]] result<std::string> parse_route_host(std::string_view host);

/// A method that a route may have: "GET", not "get", CONNECT or TRACE.
[[nodiscard]] result<void> check_route_method(std::string_view method);

/// Where a route sends clients: braces only in {path} and {query}.
[[nodiscard]] result<void> check_redirect_location(std::string_view location);

/// The address of an HTTP program, HOST:PORT; "http://HOST:PORT" and "http://HOST:PORT/" become
/// that.
[[nodiscard]] result<std::string> parse_program_address(std::string_view text);

} // namespace msd::app
