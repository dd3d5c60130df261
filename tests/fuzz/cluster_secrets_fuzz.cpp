// SPDX-License-Identifier: Apache-2.0
// Files with secrets: accepted secrets are within their bounds and lines of the file, and an error
// repeats none.
#include "core/cluster_secrets.hpp"
#include "fuzz_target.hpp"

#include <string>
#include <string_view>

using msd::core::cluster_secrets;
using msd::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    cluster_secrets secrets;
    const auto added = secrets.add(input);
    require(secrets.all().size() <= cluster_secrets::count_max, "their number has a bound");
    for (const std::string& each : secrets.all()) {
        require(each.size() >= cluster_secrets::characters_min, "none is short");
        require(each.size() <= cluster_secrets::characters_max, "none is long");
        require(each.find_first_of(" \t\r\n") == std::string::npos, "none has white space");
        require(input.find(each) != std::string_view::npos, "each is a part of the file");
        require(secrets.has(cluster_secrets::id_of(each)), "each is found by its id");
    }
    if (!added) {
        require(added.error().text.starts_with("line "), "an error names the line");
        require(added.error().text.find("hush") == std::string::npos, "nothing is repeated");
    }
    return 0;
}
