// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/execution_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::net {

// The addresses of host names, for all connections of one event loop; asio::use_service() creates
// this object when the first name is looked up. The C library's resolver blocks and cannot be
// interrupted, so each lookup runs on a thread of its own. Callers of one name share a lookup.
// There are at most threads_max at a time, and at most slow_max for names that were slow before, so
// that names whose servers do not answer delay no other names. A caller stops waiting at its
// deadline. A lookup that has started runs to its end; a queued lookup is dropped when its last
// caller stops waiting.
//
// Every use after `reuse` looks the name up again. While that lookup is slow or fails with a
// temporary error, the addresses found before are used.
class name_resolver final : public asio::execution_context::service {
public:
    using addresses = std::vector<asio::ip::address>;
    /// Called on a thread of its own; may block. errc::not_found: the name has no address;
    /// any other error is taken to be temporary.
    using lookup_function = std::function<result<addresses>(const std::string& name)>;

    static constexpr std::size_t threads_max = 16;
    static constexpr std::size_t slow_max = threads_max / 2;
    static constexpr std::size_t names_max = 1024; // known, waited for or being looked up

    struct settings {
        lookup_function look_up; // empty: the system's resolver
        milliseconds reuse{1000};
        milliseconds slow{1000}; // a lookup that takes longer makes its name a slow one
    };

    static asio::execution_context::id id;
    explicit name_resolver(asio::execution_context& context);
    ~name_resolver() override;
    name_resolver(const name_resolver&) = delete;
    name_resolver& operator=(const name_resolver&) = delete;

    /// The resolver of an event loop.
    [[nodiscard]] static name_resolver& of(const asio::any_io_executor& executor);

    /// errc::timeout; errc::unavailable with the system's reason.
    asio::awaitable<result<addresses>>
    resolve(asio::any_io_executor executor, std::string name, deadline until);

    /// For tests; before the first lookup.
    void use(settings chosen) { settings_ = std::move(chosen); }

private:
    struct entry {
        std::list<asio::steady_timer*> waiting; // of the callers; cancelled after each lookup
        result<addresses> last = fail(errc::internal, "not looked up");
        addresses known; // the last that were found
        time_point known_at = time_point::min();
        time_point began;
        unsigned lookups = 0; // that have ended
        bool is_queued = false;
        bool is_running = false;
        bool is_slow = false;
    };
    struct mailbox;
    struct caller;

    void shutdown() override;
    [[nodiscard]] entry* entry_of(const std::string& name);
    void request_lookup(const std::string& name, entry& of);
    void start_lookups();
    void start_lookup(const std::string& name, entry& of);
    void end_lookup(const std::string& name, result<addresses> found);
    void forget_queued(const std::string& name, entry& of);

    settings settings_;
    std::map<std::string, entry> entries_;
    std::deque<std::string> queue_; // names that wait for a thread
    std::size_t running_ = 0;
    std::size_t running_slow_ = 0;
    std::shared_ptr<mailbox> mailbox_; // shared with the threads, which may outlive the loop
};

} // namespace msd::net
