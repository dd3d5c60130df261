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

// A command as it goes over the wire, and which of its arguments is the key: in a cluster that
// decides which node it goes to. Arguments may hold any bytes.
class command {
public:
    /// The name comes first. `key_at` is the place of the key among the arguments, the name being
    /// 0; a command that has no argument there, or 0, has no key.
    explicit command(std::span<const std::string_view> arguments, std::size_t key_at);

    /// Most commands: the key comes after the name. A braced list instead of arguments would do,
    /// were it not that {"GET", "key"} is also one string_view, from pointer to pointer.
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

/// The reply itself, or the error it stands for; `server` names who sent it. errc::denied: not
/// allowed to, or not with this password; errc::unavailable: the server cannot do it now (full,
/// loading, no master); errc::invalid: the command is wrong.
[[nodiscard]] result<reply> checked(reply received, std::string_view server);

} // namespace msd::store::redis
