// SPDX-License-Identifier: Apache-2.0
#include "net/name_resolver.hpp"

#include "base/enlisted.hpp"
#include "net/quiet_thread.hpp"
#include "net/use_tuple.hpp"

#include <asio/post.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <netdb.h>
#include <resolv.h>
#include <system_error>
#include <utility>

namespace msd::net {

namespace {

using addresses = name_resolver::addresses;

// Of /etc/resolv.conf, `timeout` and `attempts` are kept where they are shorter.
constexpr int server_timeout_s_max = 2;
constexpr int server_attempts_max = 2;

// For the calling thread. The C library keeps a state that was changed.
void limit_system_resolver() {
    if (res_ninit(&_res) == 0) {
        _res.retrans = std::min(_res.retrans, server_timeout_s_max);
        _res.retry = std::min(_res.retry, server_attempts_max);
    }
}

std::optional<asio::ip::address> address_from(const addrinfo& entry) {
    if (entry.ai_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, entry.ai_addr, sizeof v4);
        return asio::ip::address_v4{ntohl(v4.sin_addr.s_addr)};
    }
    if (entry.ai_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, entry.ai_addr, sizeof v6);
        asio::ip::address_v6::bytes_type bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return asio::ip::address_v6{bytes, v6.sin6_scope_id};
    }
    return std::nullopt;
}

result<addresses> look_up_in_system(const std::string& name) {
    limit_system_resolver();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure = getaddrinfo(name.c_str(), nullptr, &hints, &found);
    if (failure != 0) {
        const bool is_unknown = failure == EAI_NONAME || failure == EAI_NODATA;
        const std::string why = failure == EAI_SYSTEM ? std::generic_category().message(errno)
                                                      : std::string{gai_strerror(failure)};
        return fail(is_unknown ? errc::not_found : errc::unavailable, why);
    }
    addresses out;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        const auto address = address_from(*entry);
        if (address && std::find(out.begin(), out.end(), *address) == out.end()) {
            out.push_back(*address);
        }
    }
    freeaddrinfo(found);
    return out;
}

} // namespace

asio::execution_context::id name_resolver::id;

// Passes the results of the threads to the loop, for as long as the loop exists.
struct name_resolver::mailbox {
    std::mutex mutex;
    name_resolver* owner = nullptr; // null: the loop is destroyed
    asio::any_io_executor executor;

    void deliver(std::string name, result<addresses> found) {
        const std::scoped_lock lock{mutex};
        if (owner != nullptr) {
            asio::post(
                executor,
                [to = owner, name = std::move(name), found = std::move(found)]() mutable {
                    to->end_lookup(name, std::move(found));
                }
            );
        }
    }
};

// One caller's wait. The last caller of a name that no thread looks up yet removes it from the
// queue.
struct name_resolver::caller {
    caller(name_resolver& asked, const std::string& wanted, entry& found)
        : resolver{asked},
          name{wanted},
          of{found} {}
    ~caller() {
        if (of.waiting.empty()) {
            resolver.forget_queued(name, of);
        }
    }
    caller(const caller&) = delete;
    caller& operator=(const caller&) = delete;

    name_resolver& resolver;
    const std::string& name;
    entry& of;
};

name_resolver::name_resolver(asio::execution_context& context)
    : service{context},
      mailbox_{std::make_shared<mailbox>()} {
    mailbox_->owner = this;
}

name_resolver::~name_resolver() = default;

name_resolver& name_resolver::of(const asio::any_io_executor& executor) {
    return asio::use_service<name_resolver>(asio::query(executor, asio::execution::context));
}

void name_resolver::shutdown() {
    const std::scoped_lock lock{mailbox_->mutex};
    mailbox_->owner = nullptr;
    mailbox_->executor = {};
}

asio::awaitable<result<addresses>>
name_resolver::resolve(asio::any_io_executor executor, std::string name, deadline until) {
    entry* const found = entry_of(name);
    if (found == nullptr) {
        co_return fail(errc::unavailable, "too many names are being looked up");
    }
    entry& of = *found;
    if (!of.known.empty() && clock::now() - of.known_at < settings_.reuse) {
        co_return of.known;
    }
    {
        const std::scoped_lock lock{mailbox_->mutex};
        mailbox_->executor = executor;
    }
    const caller waits_for{*this, name, of};
    request_lookup(name, of);
    // When older addresses are known, half of the time is reserved for connecting to one of them.
    const deadline lookup_until = of.known.empty() ? until : until.halfway();
    const unsigned before = of.lookups;
    while (of.lookups == before && !lookup_until.passed()) {
        asio::steady_timer timer{executor, lookup_until.at()};
        const enlisted<asio::steady_timer*> listed{of.waiting, &timer};
        [[maybe_unused]] const auto [woken] = co_await timer.async_wait(use_tuple);
    }
    const bool has_ended = of.lookups != before;
    if (has_ended && (of.last || of.last.error().code == errc::not_found || of.known.empty())) {
        co_return of.last;
    }
    if (!of.known.empty()) {
        co_return of.known;
    }
    co_return fail(errc::timeout, "no answer in time");
}

// Makes room by removing a name that no caller waits for; null when there is no such name.
name_resolver::entry* name_resolver::entry_of(const std::string& name) {
    const auto found = entries_.find(name);
    if (found != entries_.end()) {
        return &found->second;
    }
    if (entries_.size() >= names_max) {
        const auto idle = std::find_if(entries_.begin(), entries_.end(), [](const auto& each) {
            const entry& of = each.second;
            return of.waiting.empty() && !of.is_queued && !of.is_running;
        });
        if (idle == entries_.end()) {
            return nullptr;
        }
        entries_.erase(idle);
    }
    return &entries_[name];
}

void name_resolver::request_lookup(const std::string& name, entry& of) {
    if (!of.is_running && !of.is_queued) {
        of.is_queued = true;
        queue_.push_back(name);
        start_lookups();
    }
}

void name_resolver::forget_queued(const std::string& name, entry& of) {
    if (of.is_queued) {
        of.is_queued = false;
        std::erase(queue_, name);
    }
}

void name_resolver::start_lookups() {
    while (running_ < threads_max) {
        const auto next = std::find_if(queue_.begin(), queue_.end(), [this](const auto& name) {
            return running_slow_ < slow_max || !entries_.find(name)->second.is_slow;
        });
        if (next == queue_.end()) {
            return;
        }
        const std::string name = std::move(*next);
        queue_.erase(next);
        start_lookup(name, entries_.find(name)->second);
    }
}

void name_resolver::start_lookup(const std::string& name, entry& of) {
    of.is_queued = false;
    of.is_running = true;
    of.began = clock::now();
    ++running_;
    running_slow_ += of.is_slow ? 1 : 0;
    const auto look_up = settings_.look_up ? settings_.look_up : look_up_in_system;
    try {
        quiet_thread([name, look_up, to = mailbox_] { to->deliver(name, look_up(name)); }).detach();
    } catch (const std::system_error& none) {
        mailbox_->deliver(name, fail(errc::unavailable, none.what()));
    }
}

void name_resolver::end_lookup(const std::string& name, result<addresses> found) {
    entry& of = entries_.find(name)->second;
    --running_;
    running_slow_ -= of.is_slow ? 1 : 0;
    const time_point now = clock::now();
    of.is_running = false;
    of.is_slow = now - of.began >= settings_.slow;
    ++of.lookups;
    of.last = std::move(found);
    if (of.last) {
        of.known = *of.last;
        of.known_at = now;
    } else if (of.last.error().code == errc::not_found) {
        of.known.clear();
    }
    for (asio::steady_timer* const waiting : of.waiting) {
        waiting->cancel();
    }
    start_lookups();
}

} // namespace msd::net
