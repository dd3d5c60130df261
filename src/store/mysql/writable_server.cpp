// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/writable_server.hpp"

#include "store/mysql/server_watch.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace msd::store::mysql {

result<writable_server> open_writable(const server_settings& of, milliseconds call_timeout_least) {
    auto among = addresses_of(of);
    if (!among) {
        return tl::unexpected{std::move(among.error())};
    }
    const std::size_t count = among->at.size();
    std::optional<error> why;
    for (std::size_t i = 0; i < count; ++i) {
        auto& each = among->at[i];
        each.call_timeout = std::max(each.call_timeout, call_timeout_least);
        auto opened = connection::open(each);
        if (!opened) {
            why = error_of(opened.error());
            if (opened.error().kind == failure_kind::denied) {
                why->code = errc::invalid;
            }
            continue;
        }
        if (count == 1) {
            return writable_server{each, std::move(*opened)};
        }
        const auto said = ask_report(*opened);
        if (said && core::server_choice::takes_writes(*said, i >= count - among->replicas)) {
            return writable_server{each, std::move(*opened)};
        }
    }
    if (count == 1 && why) {
        return tl::unexpected{std::move(*why)};
    }
    return fail(errc::unavailable, "no server takes writes");
}

} // namespace msd::store::mysql
