// SPDX-License-Identifier: Apache-2.0
#include "store/redis/command.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace msd::store::redis {

namespace {

// The first word of an error reply is its kind.
constexpr std::array denials{"NOAUTH", "WRONGPASS", "NOPERM", "DENIED"};
constexpr std::array passing{
    "OOM",        // out of memory, with a policy that evicts nothing
    "LOADING",    // loading its data file
    "BUSY",       // a script is running
    "READONLY",   // a replica
    "MASTERDOWN", // a replica without its master
    "MISCONF",    // cannot write its data file
    "NOREPLICAS", // too few replicas
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MOVED",
    "ASK",
};

// Texts for the log are one line of bounded length.
constexpr std::size_t shown_bytes_max = 200;

bool any_of(const auto& words, std::string_view wanted) {
    return std::find(words.begin(), words.end(), wanted) != words.end();
}

errc code_of(std::string_view text) {
    const std::string_view word = text.substr(0, text.find(' '));
    // "-ERR invalid password": servers before 6; "-ERR max number of clients reached".
    if (any_of(denials, word) || text.find("invalid password") != std::string_view::npos) {
        return errc::denied;
    }
    if (any_of(passing, word) || text.find("max number of clients") != std::string_view::npos) {
        return errc::unavailable;
    }
    return errc::invalid;
}

} // namespace

command::command(std::span<const std::string_view> arguments, std::size_t key_at) {
    wire::append_resp_command(bytes_, arguments);
    if (key_at != 0 && key_at < arguments.size()) {
        key_ = arguments[key_at];
        has_key_ = true;
    }
}

result<reply> checked(reply received, std::string_view server) {
    if (!received.is(reply::kind::error)) {
        return received;
    }
    std::string text{server};
    text += " answered: ";
    text += std::string_view{received.text}.substr(0, shown_bytes_max);
    return fail(code_of(received.text), std::move(text));
}

} // namespace msd::store::redis
