// SPDX-License-Identifier: Apache-2.0
#include "store/redis/greeting.hpp"

#include <utility>

namespace msd::store::redis {

namespace {

// Closes the connection unless the greeting succeeds, also when it is cancelled.
struct closing {
    explicit closing(std::shared_ptr<connection> to) : target{std::move(to)} {}
    ~closing() {
        if (target) {
            target->close({errc::closed, "not greeted"});
        }
    }
    closing(const closing&) = delete;
    closing& operator=(const closing&) = delete;

    std::shared_ptr<connection> target;
};

asio::awaitable<result<reply>> ask(connection* server, command what, deadline until) {
    auto answered = co_await server->execute(what.bytes(), until);
    co_return answered;
}

// Converts an error reply to an error.
asio::awaitable<result<void>> demand(connection* server, command what, deadline until) {
    auto answered = co_await ask(server, std::move(what), until);
    if (!answered) {
        co_return tl::unexpected{std::move(answered.error())};
    }
    const auto good = checked(std::move(*answered), server->stream().peer().text());
    if (!good) {
        co_return tl::unexpected{good.error()};
    }
    co_return result<void>{};
}

command authentication(const client_settings& chosen) {
    if (chosen.where.user.empty()) {
        return command::keyless("AUTH", chosen.password);
    }
    return command::keyless("AUTH", chosen.where.user, chosen.password);
}

result<void> suits(const server_facts& facts, wanted_server wanted, const std::string& server) {
    if (facts.mode == "sentinel" && wanted != wanted_server::sentinel) {
        return fail(errc::invalid, server + " is a sentinel: write redis+sentinel://…/NAME");
    }
    if (!facts.mode.empty() && facts.mode != "sentinel" && wanted == wanted_server::sentinel) {
        return fail(errc::invalid, server + " is not a sentinel");
    }
    if (wanted != wanted_server::master) {
        return {};
    }
    if (facts.mode == "cluster") {
        return fail(errc::invalid, server + " is a node of a cluster: write redis+cluster://…");
    }
    if (facts.role != "master" && !facts.role.empty()) {
        return fail(errc::unavailable, server + " is a replica: nothing can be written to it");
    }
    return {};
}

// HELLO returns the properties of the server; servers before version 6 do not have the command.
asio::awaitable<result<server_facts>> inquire(connection* server, deadline until) {
    const std::string name = server->stream().peer().text();
    const auto hello = command::keyless("HELLO", "2");
    auto answered = co_await ask(server, hello, until);
    if (!answered) {
        co_return tl::unexpected{std::move(answered.error())};
    }
    const bool unknown = answered->is(reply::kind::error) && answered->text.starts_with("ERR unk");
    if (!unknown) {
        const auto good = checked(std::move(*answered), name);
        if (!good) {
            co_return tl::unexpected{good.error()};
        }
        co_return facts_of(*good);
    }
    const auto role = command::keyless("ROLE");
    answered = co_await ask(server, role, until);
    if (!answered) {
        co_return tl::unexpected{std::move(answered.error())};
    }
    server_facts facts;
    if (!answered->items.empty()) {
        facts.role = answered->items[0].text;
        facts.mode = facts.role == "sentinel" ? "sentinel" : "";
    }
    co_return facts;
}

// Sentinels often have no password although their servers do, and then refuse AUTH.
asio::awaitable<result<void>>
authenticate(const client_settings* chosen, connection* server, bool if_asked, deadline until) {
    if (chosen->password.empty()) {
        co_return result<void>{};
    }
    if (if_asked) {
        const auto ping = command::keyless("PING");
        const auto answered = co_await ask(server, ping, until);
        if (!answered) {
            co_return tl::unexpected{answered.error()};
        }
        if (!answered->text.starts_with("NOAUTH")) {
            co_return result<void>{};
        }
    }
    auto proof = authentication(*chosen);
    auto accepted = co_await demand(server, std::move(proof), until);
    // A server that does not know AUTH repeats its arguments, the password, in the error.
    if (!accepted && accepted.error().text.find("unknown command") != std::string::npos) {
        co_return fail(
            accepted.error().code,
            server->stream().peer().text() + " does not know the command AUTH"
        );
    }
    co_return accepted;
}

asio::awaitable<result<void>>
introduce(const client_settings* chosen, connection* server, wanted_server wanted, deadline until) {
    const bool if_asked = wanted == wanted_server::sentinel;
    auto accepted = co_await authenticate(chosen, server, if_asked, until);
    if (!accepted) {
        co_return accepted;
    }
    const auto facts = co_await inquire(server, until);
    if (!facts) {
        co_return tl::unexpected{facts.error()};
    }
    auto suited = suits(*facts, wanted, server->stream().peer().text());
    if (!suited) {
        co_return suited;
    }
    // The name is for people only: a user without permission to set it has none.
    const auto name = command::keyless("CLIENT", "SETNAME", chosen->client_name);
    const auto named = co_await ask(server, name, until);
    if (!named) {
        co_return tl::unexpected{named.error()};
    }
    if (wanted == wanted_server::master && chosen->where.database != 0) {
        const std::string number = std::to_string(chosen->where.database);
        const auto select = command::keyless("SELECT", number);
        suited = co_await demand(server, select, until);
    }
    co_return suited;
}

} // namespace

server_facts facts_of(const reply& hello) {
    server_facts facts;
    for (std::size_t i = 0; i + 1 < hello.items.size(); i += 2) {
        const std::string& name = hello.items[i].text;
        const std::string& value = hello.items[i + 1].text;
        if (name == "version") {
            facts.version = value;
        } else if (name == "mode") {
            facts.mode = value;
        } else if (name == "role") {
            facts.role = value;
        }
    }
    return facts;
}

asio::awaitable<result<std::shared_ptr<connection>>>
greet(const surroundings* around, address where, wanted_server wanted, deadline until) {
    const client_settings& chosen = around->chosen;
    net::client_stream::target target{where.host, where.port, around->trust, chosen.tls_name};
    auto stream = co_await net::client_stream::open(around->executor, std::move(target), until);
    if (!stream) {
        co_return tl::unexpected{std::move(stream.error())};
    }
    const connection_limits limits{chosen.reply_bytes_max, chosen.timeout};
    const auto made = std::make_shared<connection>(std::move(*stream), limits);
    closing unless_good{made};
    around->tasks.spawn(connection::run(made));
    auto introduced = co_await introduce(&chosen, made.get(), wanted, until);
    if (!introduced) {
        co_return tl::unexpected{std::move(introduced.error())};
    }
    unless_good.target.reset();
    co_return made;
}

} // namespace msd::store::redis
