// SPDX-License-Identifier: Apache-2.0
#include "store/redis/sentinels.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace msd::store::redis {

namespace {

std::optional<address> address_from(const std::string& host, const std::string& port) {
    address read{host, 0};
    const char* const end = port.data() + port.size();
    const auto [stopped, failure] = std::from_chars(port.data(), end, read.port);
    const bool good = failure == std::errc{} && stopped == end && read.port > 0 && !host.empty();
    return good ? std::optional{read} : std::nullopt;
}

} // namespace

sentinels::sentinels(const surroundings& around, std::function<void()> on_switch)
    : around_{around},
      on_switch_{std::move(on_switch)},
      known_{around.chosen.where.addresses},
      watch_{around, listening(), switches()} {}

link::purpose sentinels::listening() {
    link::purpose what;
    what.name = "a sentinel of the cache";
    what.wanted = wanted_server::sentinel;
    // After a sentinel that does not answer, the next one is used.
    what.locate = [this](deadline until) {
        return link::always_at(known_[listened_to_++ % known_.size()])(until);
    };
    return what;
}

subscription sentinels::switches() {
    subscription to;
    to.channels = {"+switch-master"};
    to.on_message = [this](std::string_view, std::string_view message) {
        handle_message(message);
    };
    return to;
}

// "NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT"
void sentinels::handle_message(std::string_view message) {
    if (message.substr(0, message.find(' ')) == around_.chosen.where.master) {
        on_switch_();
    }
}

asio::awaitable<result<address>> sentinels::master(deadline until) {
    const auto asked = known_;
    std::string why;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        // A sentinel that hangs uses up only its share of the time.
        const auto others = static_cast<milliseconds::rep>(asked.size() - i);
        auto answer = co_await ask(asked[i], deadline::in(until.left() / others));
        if (answer) {
            const auto responder = std::find(known_.begin(), known_.end(), asked[i]);
            std::rotate(known_.begin(), responder, std::next(responder));
            co_return answer;
        }
        why = std::move(answer.error().text);
    }
    co_return fail(errc::unavailable, "no sentinel reports the master: " + why);
}

asio::awaitable<result<address>> sentinels::ask(address sentinel, deadline until) {
    const auto greeted = co_await greet(&around_, sentinel, wanted_server::sentinel, until);
    if (!greeted) {
        co_return tl::unexpected{greeted.error()};
    }
    const std::shared_ptr<connection>& open = *greeted;
    const std::string name = around_.chosen.where.master;
    const auto query = command::keyless("SENTINEL", "get-master-addr-by-name", name);
    const auto answer = co_await open->execute(query.bytes(), until);
    const auto colleagues = command::keyless("SENTINEL", "sentinels", name);
    const auto others = co_await open->execute(colleagues.bytes(), until);
    open->close({errc::closed, "asked"});
    if (!answer) {
        co_return tl::unexpected{answer.error()};
    }
    if (others) {
        learn(*others);
    }
    const bool pair = answer->items.size() == 2;
    const auto read =
        pair ? address_from(answer->items[0].text, answer->items[1].text) : std::nullopt;
    if (!read) {
        co_return fail(errc::unavailable, sentinel.text() + " knows no master named " + name);
    }
    co_return *read;
}

// Each element is a list of names and values.
void sentinels::learn(const reply& others) {
    for (const reply& each : others.items) {
        std::string host;
        std::string port;
        for (std::size_t i = 0; i + 1 < each.items.size(); i += 2) {
            const std::string& name = each.items[i].text;
            if (name == "ip") {
                host = each.items[i + 1].text;
            } else if (name == "port") {
                port = each.items[i + 1].text;
            }
        }
        const auto read = address_from(host, port);
        const bool is_new = read && std::find(known_.begin(), known_.end(), *read) == known_.end();
        if (is_new && known_.size() < known_max) {
            known_.push_back(*read);
        }
    }
}

} // namespace msd::store::redis
