// SPDX-License-Identifier: Apache-2.0
#include "store/shared_writes.hpp"

#include "store/data_directory.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <type_traits>

namespace msd::store {

// A file of zeros has no writes, so a mapping needs no constructor.
static_assert(std::is_standard_layout_v<core::recent_writes>);

result<shared_writes> shared_writes::open(const std::filesystem::path& file) {
    if (auto prepared = prepare_data_directory(file.parent_path()); !prepared) {
        return tl::unexpected{std::move(prepared.error())};
    }
    auto opened = open_private_file(file);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    if (::ftruncate(opened->get(), sizeof(core::recent_writes)) != 0) {
        return fail(
            errc::unavailable,
            fmt::format("{}: {}", file.native(), std::generic_category().message(errno))
        );
    }
    auto mapped = shared_memory::adopt(std::move(*opened), sizeof(core::recent_writes));
    if (!mapped) {
        return tl::unexpected{std::move(mapped.error())};
    }
    return shared_writes{std::move(*mapped)};
}

} // namespace msd::store
