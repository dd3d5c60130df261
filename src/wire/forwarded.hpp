// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What proxies say of the client in front of them: Forwarded (RFC 7239) and X-Forwarded-For. Each
// proxy adds an element behind those that it has received.
namespace msd::wire {

// One element of Forwarded; empty: not said.
struct forwarded_element {
    std::string node; // for=, with port and brackets as written
    std::string proto;
    std::string host;
};

constexpr std::size_t forwarded_elements_max = 64; // of one field

/// The elements of a Forwarded field in order. Nothing when it is malformed or has more elements
/// than forwarded_elements_max.
[[nodiscard]] std::optional<std::vector<forwarded_element>> read_forwarded(std::string_view field);

/// The address of a node, without port and brackets: "192.0.2.1", "192.0.2.1:80", "2001:db8::1",
/// "[2001:db8::1]:80". Empty when the text has another form, like "unknown" or "_hidden". The
/// address itself is not checked.
[[nodiscard]] std::string_view address_of_node(std::string_view node);

} // namespace msd::wire
