// SPDX-License-Identifier: Apache-2.0
#include "store/shared_logins.hpp"

#include "store/data_directory.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/random.h>

#include <cerrno>
#include <system_error>
#include <type_traits>
#include <utility>

namespace msd::store {

namespace {

tl::unexpected<error> failure(const std::filesystem::path& file, int why) {
    return fail(
        errc::unavailable,
        fmt::format("{}: {}", file.native(), std::generic_category().message(why))
    );
}

} // namespace

shared_logins::shared_logins(shared_memory memory) : memory_{std::move(memory)} {
    // The first process chooses the key; of several at once, one succeeds for each half.
    for (auto& half : contents().key) {
        std::uint64_t random = 0;
        while (random == 0) {
            if (::getrandom(&random, sizeof random, 0) != sizeof random) {
                random = 0;
            }
        }
        std::uint64_t none = 0;
        half.compare_exchange_strong(none, random);
    }
}

result<shared_logins> shared_logins::open(const std::filesystem::path& file) {
    static_assert(std::is_standard_layout_v<image>);
    if (auto prepared = prepare_data_directory(file.parent_path()); !prepared) {
        return tl::unexpected{std::move(prepared.error())};
    }
    auto opened = open_private_file(file);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    // Reserved, because a write to a mapped page for which the disk has no room kills the process.
    if (const int why = ::posix_fallocate(opened->get(), 0, sizeof(image)); why != 0) {
        return failure(file, why);
    }
    auto mapped = shared_memory::adopt(std::move(*opened), sizeof(image));
    if (!mapped) {
        return tl::unexpected{std::move(mapped.error())};
    }
    return shared_logins{std::move(*mapped)};
}

result<shared_logins> shared_logins::open_own() {
    auto memory = shared_memory::create("msd-logins", sizeof(image));
    if (!memory) {
        return tl::unexpected{std::move(memory.error())};
    }
    return shared_logins{std::move(*memory)};
}

shared_logins::hash_key shared_logins::key() const {
    const auto& halves = contents().key;
    return {halves[0].load(), halves[1].load()};
}

} // namespace msd::store
