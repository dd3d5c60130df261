// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/loop.hpp"
#include "integration/store/temporary_directory.hpp"
#include "services/service.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::test {

// The services that purchases calls: sends the reply that the test chose and records requests.
class scripted_peer final : public services::peer_caller {
public:
    asio::awaitable<result<answer>>
    ask(std::string method, std::string uri, std::string params, deadline until) override {
        if (uri.starts_with("/events")) {
            co_return fail(errc::unavailable, "no service events"); // asked at any time
        }
        asked.push_back(method + " " + uri + " " + params);
        last_deadline = until;
        co_return reply;
    }

    [[nodiscard]] bool
    all_announce_changes(std::string_view /*method*/, std::string_view /*uri*/) override {
        return true;
    }

    result<answer> reply = fail(errc::unavailable, "no node");
    std::vector<std::string> asked;
    deadline last_deadline = deadline::never();
};

// Records the changes that a service announces.
class change_notes final : public services::change_announcer {
public:
    void announce_change(const wire::change& made) override {
        for (const std::int64_t id : made.ids) {
            said.push_back(made.what + ' ' + std::to_string(id) + (made.untold ? "" : " told"));
        }
    }

    std::vector<std::string> said;
};

// A service without sockets: calls the handlers of its routes after the checks of the host.
class service_under_test {
public:
    explicit service_under_test(std::string name, services::log_settings logs = {})
        : name_{std::move(name)},
          logs_{logs} {
        start();
    }
    ~service_under_test() { stop(); }
    service_under_test(const service_under_test&) = delete;
    service_under_test& operator=(const service_under_test&) = delete;

    void restart() {
        stop();
        start();
    }

    void stop() {
        if (running_) {
            loop_.wait(running_->stop());
            running_.reset();
        }
    }

    services::reply
    ask(std::string_view method,
        std::string_view path,
        const std::string& params,
        std::string idempotency_key = {}) {
        return loop_.wait(answer(route_of(method, path), params, std::move(idempotency_key)));
    }

    /// The same as one text: "200 0 success {members}".
    std::string text(
        std::string_view method,
        std::string_view path,
        const std::string& params,
        std::string idempotency_key = {}
    ) {
        const auto answer = ask(method, path, params, std::move(idempotency_key));
        return std::to_string(answer.status) + ' ' + std::to_string(answer.errorcode) + ' ' +
               answer.errormessage + " {" + answer.members + '}';
    }

    [[nodiscard]] const services::route& route_of(std::string_view method, std::string_view path) {
        for (const auto& one : running_->routes()) {
            if (one.method == method && one.path == path) {
                return one;
            }
        }
        throw std::runtime_error{"no such route"};
    }

    scripted_peer& peer() { return peer_; }
    change_notes& changes() { return changes_; }
    loop& on() { return loop_; }
    services::service& running() { return *running_; }
    [[nodiscard]] const std::filesystem::path& data_dir() const { return data_dir_; }

    std::optional<deadline> until; // of the next requests; else soon
    services::sender from;         // of the next requests

private:
    void start() {
        services::service_options settings;
        settings.data_dir = data_dir_;
        settings.slot = 3;
        settings.logs = logs_;
        const services::service_context context{
            .executor = loop_.executor(),
            .settings = settings,
            .peers = peer_,
            .changes = changes_};
        running_ = services::find(name_)->create(context);
        const auto started = loop_.wait(running_->start());
        ASSERT_TRUE(started) << started.error().text;
    }

    asio::awaitable<services::reply>
    answer(const services::route& to, std::string params, std::string idempotency_key) {
        services::call asked;
        asked.until = until.value_or(deadline::in(patience));
        asked.idempotency_key = std::move(idempotency_key);
        asked.from = from;
        if (to.any_params) {
            asked.args = services::arguments::unchecked(std::move(params));
        } else {
            json::object object;
            EXPECT_TRUE(object.parse(params)) << params;
            const auto problems = services::arguments::check(&object, to.parameters, asked.args);
            if (!problems.empty()) {
                co_return services::invalid_parameters(problems);
            }
        }
        auto replied = co_await to.handle(std::move(asked));
        co_return replied;
    }

    std::string name_;
    services::log_settings logs_;
    temporary_directory directory_;
    std::filesystem::path data_dir_ = directory_.path() / "data";
    loop loop_;
    scripted_peer peer_;
    change_notes changes_;
    std::unique_ptr<services::service> running_;
};

} // namespace msd::test
