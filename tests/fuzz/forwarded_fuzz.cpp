// SPDX-License-Identifier: Apache-2.0
// What proxies say of their client: a Forwarded field, and the nodes in it.
#include "fuzz_target.hpp"
#include "wire/forwarded.hpp"

using msd::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    if (const auto read = msd::wire::read_forwarded(input)) {
        require(!read->empty(), "a field has an element");
        require(read->size() <= msd::wire::forwarded_elements_max, "elements are limited");
        std::size_t bytes = 0;
        for (const auto& each : *read) {
            bytes += each.node.size() + each.proto.size() + each.host.size();
            require(each.node.size() >= msd::wire::address_of_node(each.node).size(), "a part");
        }
        require(bytes <= input.size(), "values are part of the field");
    }
    const std::string_view address = msd::wire::address_of_node(input);
    require(address.find_first_of("[] ") == std::string_view::npos, "no brackets");
    return 0;
}
