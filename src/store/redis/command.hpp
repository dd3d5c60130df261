// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "wire/resp.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace msd::store::redis {

using reply = wire::resp_value;

// A command in its wire format, with the position of its key argument: in a cluster the key decides
// which node executes the command. Arguments may contain any bytes.
class command {
public:
    /// The command's name is argument 0. `key_at` is the index of the key argument; with 0, or an
    /// index beyond the last argument, the command has no key.
    explicit command(std::span<const std::string_view> arguments, std::size_t key_at);

    /// For most commands: the key is argument 1. Takes a pack instead of a braced list, because
    /// {"GET", "key"} also converts to one string_view, from pointer to pointer.
    template <class... Arguments>
    [[nodiscard]] static command of(const Arguments&... arguments) {
        const std::string_view all[] = {arguments...};
        return command{all, 1};
    }
    template <class... Arguments>
    [[nodiscard]] static command keyless(const Arguments&... arguments) {
        const std::string_view all[] = {arguments...};
        return command{all, 0};
    }

    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    [[nodiscard]] bool has_key() const { return has_key_; }
    [[nodiscard]] std::string_view key() const { return key_; }

private:
    std::string bytes_;
    std::string key_;
    bool has_key_ = false;
};

/// The reply itself, or the error it stands for; `server` names the sender. errc::denied: not
/// allowed to, or not with this password; errc::unavailable: the server cannot do it now (full,
/// loading, no master); errc::invalid: the command is wrong.
[[nodiscard]] result<reply> checked(reply received, std::string_view server);

} // namespace msd::store::redis
