// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/writable_server.hpp"

#include "base/log.hpp"
#include "core/server_choice.hpp"
#include "store/mysql/server_watch.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::store::mysql {

namespace {

error explain(const failure& why) {
    error explained = error_of(why);
    if (why.kind == failure_kind::denied) {
        explained.code = errc::invalid;
    }
    return explained;
}

} // namespace

result<writable_server> open_writable(const server_settings& of, milliseconds call_timeout_least) {
    if (auto loaded = connection::load_driver(); !loaded) {
        return tl::unexpected{std::move(loaded.error())};
    }
    auto among = addresses_of(of);
    if (!among) {
        return tl::unexpected{std::move(among.error())};
    }
    const std::size_t count = among->at.size();
    core::server_choice choice{{.servers = count, .replicas = among->replicas}};
    std::vector<std::optional<connection>> all(count);
    // The error of the first server that cannot be used; one that denies access has precedence.
    error why{errc::unavailable, {}};
    for (std::size_t i = 0; i < count; ++i) {
        auto& each = among->at[i];
        each.call_timeout = std::max(each.call_timeout, call_timeout_least);
        const time_point asked = clock::now();
        auto opened = connection::open(each);
        if (count == 1) {
            return opened ? result<writable_server>{writable_server{each, std::move(*opened)}}
                          : tl::unexpected{explain(opened.error())};
        }
        const auto said = opened ? ask_report(*opened) : tl::unexpected{explain(opened.error())};
        if (!said && (why.text.empty() || said.error().code == errc::invalid)) {
            why = said.error();
        }
        if (said) {
            all[i].emplace(std::move(*opened));
            choice.answered(i, *said, asked);
        } else {
            choice.failed(i, asked);
        }
    }
    const auto best = choice.primary();
    if (!best && why.code == errc::invalid) {
        return tl::unexpected{std::move(why)};
    }
    if (!best) {
        const std::string reason = why.text.empty() ? "" : ": " + why.text;
        return fail(errc::unavailable, "no server accepts writes" + reason);
    }
    if (choice.writable() > 1) {
        log::warning(
            "{} servers accept writes: one may be an old primary; server {} is used",
            choice.writable(),
            *best + 1
        );
    }
    return writable_server{among->at[*best], std::move(*all[*best])};
}

} // namespace msd::store::mysql
