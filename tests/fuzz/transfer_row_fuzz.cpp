// SPDX-License-Identifier: Apache-2.0
// Reads one line of an export as a row of each service.
#include "fuzz_target.hpp"
#include "store/transfer_rows.hpp"

#include <cstdint>
#include <string>

namespace {

using msd::fuzz::require;

void check(std::string_view service, std::string_view line) {
    std::int64_t id = 0;
    const auto row = msd::store::canonical_row(service, line, id);
    if (!row) {
        require(row.error().code != msd::errc::internal, "a bad line is not an internal error");
        return;
    }
    require(id > 0, "ids are above 0");
    require(row->find('\n') == std::string::npos, "a row is one line");
    std::int64_t same_id = 0;
    const auto again = msd::store::canonical_row(service, *row, same_id);
    require(again && *again == *row, "what was written reads back as the same row");
    require(same_id == id, "with the same id");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto line = msd::fuzz::text_of(data, size);
    check("goods", line);
    check("members", line);
    check("purchases", line);
    check("stores", line);
    return 0;
}
