// SPDX-License-Identifier: Apache-2.0
#include "store/argon2id_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

namespace msd::store {

namespace {

constexpr std::string_view name = "$argon2id$";
constexpr std::string_view version = "$argon2id$v=19$";

bool is_base64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

// Consumes the parts of a text from its front; after a part that is missing nothing matches.
class text_reader {
public:
    explicit text_reader(std::string_view text) : rest_{text} {}

    void skip(std::string_view wanted) {
        good_ = good_ && rest_.starts_with(wanted);
        rest_.remove_prefix(good_ ? wanted.size() : 0);
    }

    // Decimal digits without a leading zero; a number that is too large becomes the largest one.
    std::uint32_t number() {
        std::uint32_t value = 0;
        const char* const end = rest_.data() + rest_.size();
        const auto [stopped, reason] = std::from_chars(rest_.data(), end, value);
        if (reason == std::errc::result_out_of_range) {
            value = std::numeric_limits<std::uint32_t>::max();
        }
        good_ = good_ && reason != std::errc::invalid_argument &&
                (rest_.front() != '0' || stopped == rest_.data() + 1);
        rest_.remove_prefix(good_ ? static_cast<std::size_t>(stopped - rest_.data()) : 0);
        return value;
    }

    void base64() {
        const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), is_base64);
        good_ = good_ && end != rest_.begin();
        rest_.remove_prefix(good_ ? static_cast<std::size_t>(end - rest_.begin()) : 0);
    }

    [[nodiscard]] bool has_ended() const { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

} // namespace

bool is_argon2id(std::string_view hash) {
    return hash.starts_with(name);
}

std::optional<argon2id_cost> argon2id_cost_of(std::string_view hash) {
    if (hash.size() > argon2id_bytes_max) {
        return std::nullopt;
    }
    text_reader in{hash};
    argon2id_cost found;
    in.skip(version);
    in.skip("m=");
    found.memory_kib = in.number();
    in.skip(",t=");
    found.passes = in.number();
    in.skip(",p=");
    found.lanes = in.number();
    in.skip("$");
    in.base64();
    in.skip("$");
    in.base64();
    return in.has_ended() ? std::optional{found} : std::nullopt;
}

result<void> check_argon2id_cost(std::string_view hash) {
    const auto cost = argon2id_cost_of(hash);
    if (!cost) {
        return fail(errc::malformed, "the argon2id hash is damaged");
    }
    const auto& max = argon2id_cost_max;
    if (cost->memory_kib > max.memory_kib || cost->passes > max.passes || cost->lanes > max.lanes) {
        return fail(
            errc::too_large,
            fmt::format(
                "the argon2id hash costs m={},t={},p={}; at most m={},t={},p={} is accepted",
                cost->memory_kib,
                cost->passes,
                cost->lanes,
                max.memory_kib,
                max.passes,
                max.lanes
            )
        );
    }
    return {};
}

} // namespace msd::store
