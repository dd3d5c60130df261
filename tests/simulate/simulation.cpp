// SPDX-License-Identifier: Apache-2.0
#include "simulate/simulation.hpp"

#include "simulate/histogram.hpp"
#include "simulate/simulated_endpoints.hpp"
#include "simulate/simulated_request.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <queue>
#include <span>

namespace msd::simulate {

namespace {

using namespace core::resilience;
using std::chrono::nanoseconds;

constexpr time_point beginning{milliseconds{1'000'000}};
constexpr milliseconds tick_every{1000}; // endings of ejections, success rates, the route's p99
constexpr milliseconds settled_after{2000};
constexpr milliseconds healed_after{15'000};

struct simulated_worker {
    balancer chooser;
    random_generator random;
    std::uint64_t seen_changes = 0;
};

class simulation {
public:
    explicit simulation(const simulation_settings& settings);
    simulation_figures run();

private:
    void handle(const event& due);
    void arrive();
    void start_try(std::uint32_t number);
    void serve(std::uint32_t index);
    void finish_try(std::uint32_t number, try_result result);
    void finish(std::uint32_t number, bool is_good);
    void reject(std::uint32_t number);
    void tick();
    void refresh(simulated_worker& worker);
    [[nodiscard]] std::optional<std::uint32_t> choose(request_state& request);
    [[nodiscard]] deadline try_limit(const request_state& request) const;
    void schedule(milliseconds after, event_kind kind, std::uint32_t request);
    void schedule_at(time_point at, event_kind kind, std::uint32_t request, std::uint32_t endpoint);
    [[nodiscard]] bool is_settled(time_point at) const;

    simulation_settings settings_;
    random_generator random_;
    time_point now_ = beginning;
    std::uint64_t events_ = 0;
    std::priority_queue<event> queue_;
    std::vector<request_state> requests_;
    std::vector<std::uint32_t> free_;
    simulated_endpoints endpoints_;
    std::vector<simulated_worker> workers_;

    // What the workers of a host share.
    std::unique_ptr<endpoint_load[]> loads_;
    std::unique_ptr<ejection[]> ejections_;
    std::vector<ejection*> members_;
    ejection_group group_{};
    breaker breaker_{};
    retry_budget budget_{};
    shared_count in_flight_{};
    shared_count own_in_flight_{};
    std::vector<shared_count> own_;

    ejection_settings ejecting_;
    breaker_settings breaking_;
    retry_settings retrying_;
    time_limits limits_;
    milliseconds p99_{0};

    simulation_figures figures_;
    histogram latencies_;
    histogram settled_;
    std::uint64_t settled_requests_ = 0;
    std::uint64_t settled_failed_ = 0;
    time_point faults_begin_ = time_point::max();
    time_point faults_end_ = beginning;
    std::uint32_t faulty_ = 0;
    std::array<std::uint64_t, 2> faulty_tries_{}; // all, and those at faulty endpoints
    std::array<std::uint64_t, 2> healed_tries_{};
};

simulation::simulation(const simulation_settings& settings)
    : settings_{settings},
      random_{settings.seed},
      endpoints_{settings_, beginning},
      loads_{std::make_unique<endpoint_load[]>(settings.endpoints)},
      ejections_{std::make_unique<ejection[]>(settings.endpoints)},
      own_(settings.endpoints) {
    std::vector<endpoint_entry> entries(settings.endpoints);
    for (std::uint32_t index = 0; index < settings.endpoints; ++index) {
        entries[index].load = &loads_[index];
        entries[index].token = random_();
        members_.push_back(&ejections_[index]);
    }
    for (std::uint32_t number = 0; number < settings.workers; ++number) {
        workers_.push_back({balancer{settings.balance, 0}, random_generator{random_()}, 0});
        workers_.back().chooser.assign(entries);
    }
    for (const fault& made : settings.faults) {
        faults_begin_ = std::min(faults_begin_, beginning + made.from);
        faults_end_ = std::max(faults_end_, beginning + made.until);
        faulty_ = std::max(faulty_, made.endpoints);
    }
}

bool simulation::is_settled(time_point at) const {
    return at >= faults_begin_ + settled_after && at < faults_end_;
}

void simulation::schedule_at(
    time_point at,
    event_kind kind,
    std::uint32_t request,
    std::uint32_t endpoint
) {
    const std::uint32_t serial = request < requests_.size() ? requests_[request].serial : 0;
    queue_.push({at, ++events_, request, serial, endpoint, kind});
}

void simulation::schedule(milliseconds after, event_kind kind, std::uint32_t request) {
    schedule_at(now_ + after, kind, request, 0);
}

simulation_figures simulation::run() {
    constexpr std::uint32_t none = 0xFFFFFFFF;
    schedule({}, event_kind::arrival, none);
    schedule({}, event_kind::tick, none);
    const time_point end = beginning + settings_.length;
    while (!queue_.empty() && queue_.top().at < end + settings_.timeout) {
        const event due = queue_.top();
        queue_.pop();
        now_ = due.at;
        if (now_ >= end && (due.kind == event_kind::arrival || due.kind == event_kind::tick)) {
            continue;
        }
        handle(due);
    }
    const double seconds = std::chrono::duration<double>{settings_.length}.count();
    figures_.good_per_s = static_cast<double>(figures_.requests - figures_.failed) / seconds;
    figures_.p50_ms = latencies_.percentile(0.5);
    figures_.p99_ms = latencies_.percentile(0.99);
    figures_.settled_p99_ms = settled_.percentile(0.99);
    figures_.settled_failed = static_cast<double>(settled_failed_) /
                              static_cast<double>(std::max<std::uint64_t>(settled_requests_, 1));
    const auto share_of = [this](const std::array<std::uint64_t, 2>& tries) {
        const double even = static_cast<double>(tries[0]) * faulty_ / settings_.endpoints;
        return even == 0 ? -1 : static_cast<double>(tries[1]) / even;
    };
    figures_.faulty_share = share_of(faulty_tries_);
    figures_.healed_share = share_of(healed_tries_);
    return figures_;
}

void simulation::handle(const event& due) {
    if (due.kind == event_kind::arrival) {
        arrive();
        return;
    }
    if (due.kind == event_kind::tick) {
        tick();
        return;
    }
    const bool is_current = requests_[due.request].serial == due.serial;
    if (due.kind == event_kind::served) {
        endpoints_.finished(due.endpoint);
        if (is_current) {
            finish_try(due.request, try_result::succeeded);
        }
        serve(due.endpoint);
    } else if (!is_current) {
        return;
    } else if (due.kind == event_kind::reply) {
        finish_try(due.request, requests_[due.request].outcome);
    } else if (due.kind == event_kind::timeout) {
        finish_try(due.request, try_result::timed_out);
    } else {
        start_try(due.request);
    }
}

void simulation::arrive() {
    const double gap_s = -std::log1p(-random_.unit()) / settings_.rate_per_s;
    const nanoseconds gap{static_cast<std::int64_t>(gap_s * 1e9)};
    schedule_at(now_ + gap, event_kind::arrival, 0xFFFFFFFF, 0);
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(requests_.size()));
        requests_.emplace_back();
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    request_state& made = requests_[number];
    const std::uint32_t serial = made.serial;
    made = {};
    made.serial = serial;
    made.began = now_;
    made.worker = random_.below(settings_.workers);
    made.hash = random_();
    ++figures_.requests;
    settled_requests_ += is_settled(now_) ? 1 : 0;
    if (settings_.has_policies) {
        budget_.count_request(now_);
        made.admitted = breaker_.admit(breaking_, now_, workers_[made.worker].random);
        if (made.admitted.what == breaker_decision::kind::refused ||
            requests_in(in_flight_) >= settings_.in_flight_max) {
            reject(number);
            return;
        }
    }
    begin_request(in_flight_, own_in_flight_);
    start_try(number);
}

void simulation::reject(std::uint32_t number) {
    begin_request(in_flight_, own_in_flight_); // finish() ends it
    ++figures_.rejected;
    finish(number, false);
}

std::optional<std::uint32_t> simulation::choose(request_state& request) {
    simulated_worker& worker = workers_[request.worker];
    if (worker.seen_changes != group_.changes.load()) {
        refresh(worker);
    }
    request.is_probe = false;
    if (settings_.has_policies && request.tries == 0) {
        const auto ejected = worker.chooser.next_ejected();
        if (ejected && ejections_[*ejected].take_probe(ejecting_, now_)) {
            request.is_probe = true;
            return ejected;
        }
    }
    const choice_request choice{
        now_,
        request.hash,
        static_cast<std::uint32_t>(requests_in(in_flight_)),
        std::span{request.tried}.first(request.tries)};
    return worker.chooser.choose(choice, worker.random);
}

deadline simulation::try_limit(const request_state& request) const {
    const deadline whole{request.began + settings_.timeout};
    if (!settings_.has_policies) {
        return whole;
    }
    const bool is_last = request.tries > retrying_.tries;
    return try_deadline(limits_, whole, p99_, is_last ? try_kind::last : try_kind::usual, now_);
}

void simulation::start_try(std::uint32_t number) {
    request_state& request = requests_[number];
    ++request.serial;
    const auto index = choose(request);
    if (!index) {
        finish(number, false);
        return;
    }
    request.tried[request.tries] = *index;
    ++request.tries;
    request.try_began = now_;
    ++figures_.tries;
    if (now_ >= faults_begin_ && now_ < faults_end_) {
        ++faulty_tries_[0];
        faulty_tries_[1] += *index < faulty_ ? 1 : 0;
    } else if (now_ >= faults_end_ + healed_after) {
        ++healed_tries_[0];
        healed_tries_[1] += *index < faulty_ ? 1 : 0;
    }
    begin_request(loads_[*index].in_flight, own_[*index]);
    schedule_at(try_limit(request).at(), event_kind::timeout, number, *index);
    if (const auto reply = endpoints_.send(*index, {number, request.serial}, now_)) {
        request.outcome = reply->result;
        schedule(reply->after, event_kind::reply, number);
    } else {
        serve(*index);
    }
}

void simulation::serve(std::uint32_t index) {
    const auto next = endpoints_.start_next(index, now_, random_, [this](const ticket& waiting) {
        return requests_[waiting.request].serial == waiting.serial;
    });
    if (next) {
        schedule_at(now_ + next->length, event_kind::served, next->of.request, index);
    }
}

void simulation::finish_try(std::uint32_t number, try_result result) {
    request_state& request = requests_[number];
    const std::uint32_t index = request.tried[request.tries - 1];
    simulated_worker& worker = workers_[request.worker];
    ++request.serial;
    end_request(loads_[index].in_flight, own_[index]);
    worker.chooser.ended(index);
    const observed_try ended{result, request.try_began, now_};
    loads_[index].observe(
        result,
        std::chrono::duration_cast<std::chrono::microseconds>(now_ - request.try_began),
        now_
    );
    if (!settings_.has_policies) {
        finish(number, is_good(result));
        return;
    }
    const ejection_change changed =
        observe({group_, members_}, ejections_[index], ended, ejecting_);
    figures_.ejections +=
        changed == ejection_change::ejected || changed == ejection_change::refused ? 1 : 0;
    const breaker_phase before = breaker_.phase(now_);
    breaker_.observe(breaking_, request.admitted, ended, worker.random);
    figures_.openings +=
        before != breaker_phase::open && breaker_.phase(now_) == breaker_phase::open ? 1 : 0;
    const request_traits traits{true, true, deadline{request.began + settings_.timeout}};
    const failed_try failed{result, request.tries, request.is_probe, false};
    const retry_decision decided =
        retry_plan{retrying_, budget_, worker.random}.decide(traits, failed, now_);
    if (!decided.retries()) {
        finish(number, is_good(result));
        return;
    }
    schedule(decided.pause, event_kind::retry, number);
}

void simulation::finish(std::uint32_t number, bool is_good) {
    request_state& request = requests_[number];
    ++request.serial;
    end_request(in_flight_, own_in_flight_);
    const bool was_settled = is_settled(request.began);
    if (is_good) {
        const auto latency = std::chrono::round<milliseconds>(now_ - request.began);
        latencies_.add(latency);
        if (was_settled) {
            settled_.add(latency);
        }
    } else {
        ++figures_.failed;
        settled_failed_ += was_settled ? 1 : 0;
    }
    free_.push_back(number);
}

void simulation::refresh(simulated_worker& worker) {
    worker.seen_changes = group_.changes.load();
    std::vector<endpoint_entry> entries = worker.chooser.endpoints().entries();
    bool is_changed = false;
    for (std::uint32_t index = 0; index < entries.size(); ++index) {
        endpoint_entry& entry = entries[index];
        const ejection_phase phase = ejections_[index].phase(now_);
        const bool was_out = entry.is_ejected || entry.is_refusing;
        const bool is_ejected = phase == ejection_phase::ejected;
        const bool is_refusing = phase == ejection_phase::refusing;
        if (entry.is_ejected == is_ejected && entry.is_refusing == is_refusing) {
            continue;
        }
        entry.is_ejected = is_ejected;
        entry.is_refusing = is_refusing;
        if (was_out && phase == ejection_phase::in_service) {
            entry.started_at = now_;
        }
        is_changed = true;
    }
    if (is_changed) {
        worker.chooser.assign(std::move(entries));
    }
}

void simulation::tick() {
    schedule(tick_every, event_kind::tick, 0xFFFFFFFF);
    p99_ = milliseconds{static_cast<std::int64_t>(latencies_.percentile(0.99))};
    if (!settings_.has_policies) {
        return;
    }
    figures_.ejections += evaluate_success_rates({group_, members_}, ejecting_, now_).size();
    for (simulated_worker& worker : workers_) {
        refresh(worker);
    }
}

} // namespace

simulation_figures simulate(const simulation_settings& settings) {
    return std::make_unique<simulation>(settings)->run();
}

} // namespace msd::simulate
