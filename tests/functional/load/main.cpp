// SPDX-License-Identifier: Apache-2.0
// The load generator of the functional tests: many clients on one thread; each kind of failure is
// counted separately. Commands are lines on standard input: `phase NAME` begins a phase, `look`
// prints a report, `stop` waits for the last replies, prints a report and ends the program.
#include "client.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace load {

namespace {

constexpr std::uint32_t input_id = ~std::uint32_t{0};
constexpr micros turn_max_us = 1'000'000;

class generator {
public:
    explicit generator(const plan& all) : all_{all}, counts_{all.groups} {
        for (std::size_t index = 0; index < all.groups.size(); ++index) {
            for (int number = 0; number < all.groups[index].clients; ++number) {
                const auto id = static_cast<std::uint32_t>(clients_.size());
                const client::place where{index, number, id};
                clients_.push_back(std::make_unique<client>(where, all_, counts_, epoll_));
                group_of_.push_back(index);
            }
        }
        fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = input_id;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    }

    int run() {
        while (!gone_ && !(stopping_ && all_idle())) {
            turn();
        }
        if (!gone_) {
            print_report();
        }
        return gone_ ? 1 : 0;
    }

private:
    void turn() {
        start_next(now_us());
        std::array<epoll_event, 256> events{};
        const timespec timeout = until_due(now_us());
        const int count =
            epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
        for (int i = 0; i < count; ++i) {
            const std::uint32_t id = events[static_cast<std::size_t>(i)].data.u32;
            if (id == input_id) {
                read_input();
            } else {
                clients_[id]->on_event(now_us());
            }
        }
        const micros now = now_us();
        for (std::size_t id = 0; id < started_; ++id) {
            clients_[id]->on_time(now);
        }
    }

    // Starts held clients at their interval. A late start delays the next ones.
    void start_next(micros now) {
        while (started_ < clients_.size() && now >= start_at_) {
            const auto every_us = static_cast<micros>(all_.groups[group_of_[started_]].every_us);
            clients_[started_++]->start(now);
            start_at_ = now + every_us;
        }
    }

    [[nodiscard]] timespec until_due(micros now) const {
        micros next = now + turn_max_us;
        if (started_ < clients_.size()) {
            next = std::min(next, start_at_);
        }
        for (std::size_t id = 0; id < started_; ++id) {
            next = std::min(next, clients_[id]->due());
        }
        const micros left = next > now ? next - now : 0;
        return {static_cast<time_t>(left / 1'000'000), static_cast<long>(left % 1'000'000 * 1000)};
    }

    [[nodiscard]] bool all_idle() const {
        return std::all_of(clients_.begin(), clients_.end(), [](const auto& each) {
            return each->is_idle();
        });
    }

    void read_input() {
        std::array<char, 4096> buffer{};
        const ssize_t n = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (n <= 0) {
            gone_ = true; // the test has ended
            return;
        }
        input_.append(buffer.data(), static_cast<std::size_t>(n));
        for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
            obey(std::string_view{input_}.substr(0, end));
            input_.erase(0, end + 1);
        }
    }

    void obey(std::string_view line) {
        if (line.starts_with("phase ")) {
            counts_.begin_phase(line.substr(6));
        } else if (line == "look") {
            print_report();
        } else if (line == "stop") {
            stopping_ = true;
            started_ = clients_.size();
            for (const auto& each : clients_) {
                each->stop();
            }
        }
    }

    void print_report() const {
        std::vector<std::vector<std::uint64_t>> requests(all_.groups.size());
        std::size_t open = 0;
        for (std::size_t id = 0; id < clients_.size(); ++id) {
            requests[group_of_[id]].push_back(clients_[id]->requests_used());
            open += clients_[id]->is_open() ? 1 : 0;
        }
        std::fputs(counts_.report(requests, open).c_str(), stdout);
        std::fflush(stdout);
    }

    const plan& all_;
    tally counts_;
    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<client>> clients_;
    std::vector<std::size_t> group_of_;
    std::size_t started_ = 0;
    micros start_at_ = 0;
    std::string input_;
    bool stopping_ = false;
    bool gone_ = false;
};

} // namespace

} // namespace load

int main(int count, char** words) {
    const auto all = load::read_plan(count, words);
    if (!all) {
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    load::generator one{*all};
    return one.run();
}
