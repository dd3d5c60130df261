// SPDX-License-Identifier: Apache-2.0
#include "store/redis/slot_map.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace msd::store::redis {

namespace {

constexpr std::array<std::uint16_t, 256> make_crc_table() {
    constexpr std::uint32_t polynomial = 0x1021;
    std::array<std::uint16_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
        std::uint32_t crc = byte << 8;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000) != 0 ? (crc << 1) ^ polynomial : crc << 1;
        }
        table[byte] = static_cast<std::uint16_t>(crc);
    }
    return table;
}

constexpr auto crc_table = make_crc_table();

std::string_view hashed_part(std::string_view key) {
    const auto open = key.find('{');
    if (open == std::string_view::npos) {
        return key;
    }
    const auto close = key.find('}', open + 1);
    const bool has_tag = close != std::string_view::npos && close > open + 1;
    return has_tag ? key.substr(open + 1, close - open - 1) : key;
}

std::optional<std::uint16_t> number_of(std::string_view text) {
    std::uint16_t read = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, failure] = std::from_chars(text.data(), end, read);
    return failure == std::errc{} && stopped == end ? std::optional{read} : std::nullopt;
}

// Reads "HOST:PORT"; IPv6 addresses have no brackets.
std::optional<address> address_of(std::string_view text, const address& from) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto port = number_of(text.substr(colon + 1));
    if (!port || *port == 0) {
        return std::nullopt;
    }
    const std::string_view host = text.substr(0, colon);
    return address{host.empty() ? from.host : std::string{host}, *port};
}

tl::unexpected<error> no_slots() {
    return fail(errc::malformed, "the reply to CLUSTER SLOTS is malformed");
}

} // namespace

std::uint16_t slot_of(std::string_view key) {
    std::uint32_t crc = 0;
    for (const unsigned char byte : hashed_part(key)) {
        crc = ((crc << 8) ^ crc_table[((crc >> 8) ^ byte) & 0xff]) & 0xffff;
    }
    return static_cast<std::uint16_t>(crc % slots_of_cluster);
}

std::uint16_t slot_map::index_of(const address& master) {
    const auto found = std::find(masters_.begin(), masters_.end(), master);
    if (found != masters_.end()) {
        return static_cast<std::uint16_t>(found - masters_.begin());
    }
    if (masters_.size() >= nodes_max) {
        return no_owner;
    }
    masters_.push_back(master);
    return static_cast<std::uint16_t>(masters_.size() - 1);
}

// The reply is a list of (first slot, last slot, master, replicas …); a master is (host, port, id
// …).
result<slot_map> slot_map::read(const reply& said, const address& asked) {
    slot_map made;
    if (!said.is(reply::kind::array)) {
        return no_slots();
    }
    for (const reply& range : said.items) {
        if (range.items.size() < 3 || range.items[2].items.size() < 2) {
            return no_slots();
        }
        const std::int64_t first = range.items[0].integer;
        const std::int64_t last = range.items[1].integer;
        const std::string& host = range.items[2].items[0].text;
        const std::int64_t port = range.items[2].items[1].integer;
        const bool sane = first >= 0 && first <= last && last < std::int64_t{slots_of_cluster} &&
                          port > 0 && port <= 0xffff;
        if (!sane) {
            return no_slots();
        }
        const bool unnamed = host.empty() || host == "?";
        const address master{unnamed ? asked.host : host, static_cast<std::uint16_t>(port)};
        const std::uint16_t index = made.index_of(master);
        std::fill(made.owners_.begin() + first, made.owners_.begin() + last + 1, index);
    }
    return made;
}

const address* slot_map::owner(std::uint16_t slot) const {
    const std::uint16_t index = owners_.at(slot);
    return index == no_owner ? nullptr : &masters_[index];
}

void slot_map::move(std::uint16_t slot, const address& to) {
    owners_.at(slot) = index_of(to);
}

redirection redirection_of(const reply& answered, const address& from) {
    redirection found;
    if (!answered.is(reply::kind::error)) {
        return found;
    }
    const std::string_view text = answered.text;
    const std::string_view word = text.substr(0, text.find(' '));
    if (word == "TRYAGAIN" || word == "CLUSTERDOWN" || word == "LOADING" || word == "MASTERDOWN") {
        found.what = redirection::kind::wait;
        return found;
    }
    if (word != "MOVED" && word != "ASK") {
        return found;
    }
    const std::string_view rest = text.substr(std::min(word.size() + 1, text.size()));
    const auto blank = rest.find(' ');
    const auto slot = number_of(rest.substr(0, blank));
    const auto to =
        blank == std::string_view::npos ? std::nullopt : address_of(rest.substr(blank + 1), from);
    if (slot && *slot < slots_of_cluster && to) {
        found.what = word == "MOVED" ? redirection::kind::moved : redirection::kind::ask;
        found.slot = *slot;
        found.to = *to;
    }
    return found;
}

} // namespace msd::store::redis
