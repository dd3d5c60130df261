// SPDX-License-Identifier: Apache-2.0
#include "upstream/service_guard.hpp"

#include "base/log.hpp"
#include "net/use_tuple.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace msd::upstream {

namespace {

using namespace core::resilience; // NOLINT(google-build-using-namespace): the policies' own words

constexpr std::string_view breaker_open = "the service has failed too often: its breaker is open";
constexpr std::string_view too_many = "too many requests of the service are in flight";

} // namespace

struct service_guard::waiter {
    asio::steady_timer timer;
    bool has_entered = false;
    bool is_cancelled = false;
};

// In the table as long as the coroutine exists.
struct service_guard::listed_waiter {
    std::map<bulkhead::id, waiter*>& all;
    bulkhead::id own;

    listed_waiter(std::map<bulkhead::id, waiter*>& table, bulkhead::id number, waiter* waits)
        : all{table},
          own{number} {
        all.emplace(own, waits);
    }
    ~listed_waiter() { all.erase(own); }
    listed_waiter(const listed_waiter&) = delete;
    listed_waiter& operator=(const listed_waiter&) = delete;
};

// ---------------------------------------------------------------------------------------- permit

service_guard::permit::permit(permit&& from) noexcept
    : of_{std::move(from.of_)},
      route_{from.route_},
      admitted_{from.admitted_},
      began_{from.began_},
      took_{from.took_},
      total_{from.total_},
      part_{from.part_},
      has_place_{from.has_place_} {
    from.of_.reset();
}

service_guard::permit& service_guard::permit::operator=(permit&& from) noexcept {
    if (this != &from) {
        conclude(try_result::cancelled, {});
        of_ = std::exchange(from.of_, nullptr);
        route_ = from.route_;
        admitted_ = from.admitted_;
        began_ = from.began_;
        took_ = from.took_;
        total_ = from.total_;
        part_ = from.part_;
        has_place_ = from.has_place_;
    }
    return *this;
}

void service_guard::permit::conclude(try_result result, time_point now) {
    if (!of_) {
        return;
    }
    const auto of = std::exchange(of_, nullptr);
    if (result != try_result::cancelled && result != try_result::rejected) {
        breaker& cell = *route_->breaker->cell;
        const breaker_phase before = cell.phase(now);
        const time_point began = took_ ? now - *took_ : began_;
        cell.observe(of->settings_.breaker, admitted_, {result, began, now}, of->random_);
        of->report_breaker(*route_, before, now);
    }
    if (has_place_) {
        of->leave(*total_, *part_);
    }
}

void service_guard::permit::release() {
    if (of_ && std::exchange(has_place_, false)) {
        of_->leave(*total_, *part_);
    }
}

deadline
service_guard::permit::try_until(deadline request, core::resilience::try_kind kind, time_point now)
    const {
    const milliseconds p99 = route_->latencies.p99(now);
    return try_deadline(of_->settings_.times, request, p99, kind, now);
}

void service_guard::permit::note_latency(std::chrono::microseconds latency, time_point now) const {
    route_->latencies.add(latency, now);
}

// --------------------------------------------------------------------------------- service_guard

service_guard::service_guard(
    asio::any_io_executor executor,
    host_cells& cells,
    std::string service,
    const service_settings& settings
)
    : executor_{std::move(executor)},
      cells_{cells},
      service_{std::move(service)},
      settings_{settings},
      claim_{cells.service(service_, clock::now())},
      look_{executor_},
      random_{std::random_device{}() | std::uint64_t{std::random_device{}()} << 32},
      running_{meters().cell_of(core::metric::bulkhead_running, {service_})},
      waits_{meters().cell_of(core::metric::bulkhead_waiting, {service_})},
      refused_{meters().cell_of(core::metric::bulkhead_refused, {service_})} {
    bind();
}

service_guard::~service_guard() = default;

// The bulkhead has the cell of the claim, which can change.
void service_guard::bind() {
    bound_ = claim_->cell;
    bound_total_ = &claim_->cell->requests.running;
    bound_part_ = &claim_->part->running;
    bulkhead_.emplace(settings_.bulkhead, claim_->cell->requests, *claim_->part);
    apply(settings_, endpoints_);
}

void service_guard::apply(const service_settings& settings, std::size_t endpoints) {
    settings_ = settings;
    limit_for(std::max<std::size_t>(endpoints, 1));
}

void service_guard::limit_for(std::size_t endpoints) {
    endpoints_ = endpoints;
    bulkhead_settings effective = settings_.bulkhead;
    const auto together =
        std::int64_t{effective.per_endpoint} * static_cast<std::int64_t>(endpoints_);
    effective.requests =
        static_cast<std::int32_t>(std::min<std::int64_t>(effective.requests, together));
    bulkhead_->apply(effective);
}

service_guard::route& service_guard::route_of(route_view name, time_point now) {
    if (last_route_ != routes_.end() && route_view{last_route_->first} == name) {
        return *last_route_->second;
    }
    auto found = routes_.find(name);
    if (found == routes_.end() && routes_.size() >= routes_max) {
        name = {};
        found = routes_.find(name);
    }
    if (found == routes_.end()) {
        auto made = std::make_unique<route>();
        std::string text{name.first};
        text.append(name.second);
        made->breaker = cells_.breaker(service_, text, now);
        const std::string_view label = text.empty() ? std::string_view{"other"} : text;
        made->state = meters().cell_of(core::metric::breaker_state, {service_, label});
        found = routes_.emplace(route_name{name}, std::move(made)).first;
    }
    last_route_ = found;
    return *found->second;
}

service_guard::permit
service_guard::permit_for(route& of, const breaker_decision& admitted, time_point now) {
    claim_->cell->retries.count_request(now);
    permit made;
    made.of_ = shared_from_this();
    made.route_ = &of;
    made.admitted_ = admitted;
    made.began_ = now;
    made.total_ = bound_total_;
    made.part_ = bound_part_;
    return made;
}

std::optional<tl::expected<service_guard::permit, service_guard::refusal>>
service_guard::enter(entry& request, time_point now) {
    if (bound_ != claim_->cell && waiting_.empty()) {
        bind();
    }
    route& of = route_of({request.method, request.route}, now);
    const auto admitted = of.breaker->cell->admit(settings_.breaker, now, random_);
    if (admitted.what == breaker_decision::kind::refused) {
        return tl::unexpected{refusal{breaker_open, admitted.retry_after}};
    }
    if (admitted.is_first_probe) {
        count_transition(of, "half_open");
    }
    request.admitted = admitted;
    const auto admission = bulkhead_->enter(++last_waiter_, request.until, now);
    switch (admission.what) {
    case bulkhead::entry::entered:
        return permit_for(of, admitted, now);
    case bulkhead::entry::refused:
        refused_.add();
        return tl::unexpected{refusal{too_many}};
    case bulkhead::entry::waits:
        break;
    }
    return std::nullopt;
}

// The request is in the queue of the bulkhead under last_waiter_.
asio::awaitable<tl::expected<service_guard::permit, service_guard::refusal>>
service_guard::wait(entry* request) {
    const auto self = shared_from_this();
    const bulkhead::id own = last_waiter_;
    waiter waits{asio::steady_timer{executor_, time_point::max()}};
    const listed_waiter listed{waiting_, own, &waits};
    look_again();
    request->cancel = [&waits] {
        waits.is_cancelled = true;
        waits.timer.cancel();
    };
    const auto [woken] = co_await waits.timer.async_wait(net::use_tuple);
    (void)woken;
    request->cancel = nullptr;
    const time_point now = clock::now();
    if (!waits.has_entered) {
        bulkhead_->cancel(own); // does nothing when its time was over
        refused_.add(waits.is_cancelled ? 0 : 1);
        co_return tl::unexpected{refusal{too_many}};
    }
    route& of = route_of({request->method, request->route}, now);
    permit made = permit_for(of, request->admitted, now);
    if (waits.is_cancelled) {
        made.conclude(try_result::cancelled, now);
        co_return tl::unexpected{refusal{too_many}};
    }
    co_return made;
}

// The cell of a request, which may be another one than that of the claim by now.
void service_guard::leave(shared_count& total, shared_count& part) {
    end_request(total, part);
    if (!waiting_.empty()) {
        admit_waiting(clock::now());
    }
}

// Wakes the requests that have a place now, and those whose time is over.
void service_guard::admit_waiting(time_point now) {
    const auto wake = [this](bulkhead::id who, bool has_entered) {
        if (const auto found = waiting_.find(who); found != waiting_.end()) {
            found->second->has_entered = has_entered;
            found->second->timer.cancel();
        }
    };
    while (const auto next = bulkhead_->next(now)) {
        wake(*next, true);
    }
    while (const auto late = bulkhead_->expired(now)) {
        wake(*late, false);
    }
}

void service_guard::look_again() {
    if (looks_ || waiting_.empty()) {
        return;
    }
    looks_ = true;
    look_.expires_after(look_every);
    look_.async_wait([weak = weak_from_this()](const asio::error_code& cancelled) {
        const auto self = weak.lock();
        if (!self) {
            return;
        }
        self->looks_ = false;
        if (!cancelled) {
            self->admit_waiting(clock::now());
            self->look_again();
        }
    });
}

retry_decision service_guard::decide_retry(
    const request_traits& request,
    const failed_try& tried,
    time_point now
) {
    const retry_plan plan{settings_.retry, claim_->cell->retries, random_};
    const retry_decision made = plan.decide(request, tried, now);
    if (made.retries()) {
        count_retry(reason_of_retry(tried.result));
    } else if (made.refusal == retry_refusal::no_budget) {
        meters().cell_of(core::metric::upstream_retries_refused, {service_}).add();
    }
    return made;
}

} // namespace msd::upstream
