// SPDX-License-Identifier: Apache-2.0
// Lists of addresses: an accepted list is bounded, reads back from its own text, and contains the
// single addresses that it names.
#include "core/address_list.hpp"
#include "fuzz_target.hpp"

#include <string>
#include <string_view>

using msd::core::address_list;
using msd::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    for (const auto with : {address_list::names::refused, address_list::names::accepted}) {
        const auto read = address_list::parse(input, with);
        if (!read) {
            require(!read.error().text.empty(), "an error says what is wrong");
            continue;
        }
        require(read->text() == input, "the text is kept");
        require(address_list::parse(read->text(), with).has_value(), "it reads back");
        const bool is_one = input.find_first_of(",/ \t\r\n") == std::string_view::npos;
        if (is_one && !input.empty()) {
            require(read->contains(input), "a list of one contains it");
        }
        static_cast<void>(read->contains("10.0.0.1"));
    }
    const auto everything = address_list::parse("0.0.0.0/0, ::/0");
    const bool is_address = address_list::parse(input).has_value() && !input.empty() &&
                            input.find_first_of(",/ \t\r\n") == std::string_view::npos;
    require(everything->contains(input) == is_address, "every address is in ::/0, and no name");
    return 0;
}
