// SPDX-License-Identifier: Apache-2.0
// Addresses of stores: an accepted address is complete; an error never contains the password.
#include "fuzz_target.hpp"
#include "store/server_url.hpp"

#include <string>
#include <string_view>

using msd::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    const auto read = msd::store::parse_server_url(input);
    if (!read) {
        const std::string mark = "hush";
        require(read.error().text.find(mark) == std::string::npos, "nothing is repeated");
        return 0;
    }
    require(input.starts_with("mysql://"), "the scheme counts");
    require(!read->user.empty() && !read->places.empty() && !read->database.empty(), "complete");
    for (const auto& place : read->places) {
        require(!place.host.empty() && place.port != 0, "a place has a host and a port above 0");
    }
    for (const auto& part : {read->user, read->password, read->database}) {
        require(part.find('\0') == std::string::npos, "no text ends early");
    }
    return 0;
}
