// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: the whole life of a connection to a registry.
#include "core/registration.hpp"
#include "core/topology_frames.hpp"
#include "integration/registry/distributor_harness.hpp"
#include "node/registry_link.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

namespace msd::testing_roles {
namespace {

std::string entry(const std::string& name, const std::string& host = "127.0.0.1") {
    return R"({"port":9010,"name":")" + name + R"(","urls":[],"host":")" + host + R"("})";
}

// A loop with one link; distributors are real or simulated by the test.
class registry_link_test : public testing::Test {
protected:
    static constexpr milliseconds patience{10'000};
    static constexpr milliseconds soon{50}; // between attempts to reconnect

    ~registry_link_test() override {
        link.reset();
        tasks.terminate();
        EXPECT_TRUE(reach([this] { return tasks.size() == 0; }));
    }

    bool reach(const std::function<bool()>& condition) {
        const deadline until = deadline::in(patience);
        while (!condition()) {
            if (until.passed()) {
                return false;
            }
            loop.restart();
            loop.run_one_for(milliseconds{10});
        }
        return true;
    }

    void start_link(std::uint16_t port) {
        node::registry_link_settings settings;
        settings.distributor_port = port;
        settings.reconnect_interval = soon;
        settings.refused_first = settings.refused_longest = soon;
        settings.self.id = {"gate", "", 8000};
        settings.self.proto = 2;
        settings.self.routes = {{"GET", "/gate", false, {}, {}}};
        link = std::make_unique<node::registry_link>(
            loop.get_executor(),
            settings,
            [this](const upstream::topology_news& news) {
                ++changes;
                nodes_changed.push_back(news.changes.size());
                firsts += news.is_first && news.is_complete ? 1 : 0;
            }
        );
        link->start(tasks);
    }

    // The next connection to a listening socket of the test.
    std::unique_ptr<raw_node> accept_link(int listener) {
        pollfd waiting{listener, POLLIN, 0};
        EXPECT_TRUE(reach([&] { return poll(&waiting, 1, 0) == 1; }));
        return std::make_unique<raw_node>(unique_fd{
            accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)});
    }

    // A frame the link sent; the loop has to run for it to be sent.
    std::string hear(raw_node& end) {
        std::optional<std::string> frame;
        EXPECT_TRUE(reach([&] {
            frame = end.read(milliseconds{0});
            return frame.has_value();
        }));
        return frame.value_or("");
    }

    // Expects that the work that is queued in the loop sends no frame.
    bool is_quiet(raw_node& end) {
        loop.restart();
        loop.poll();
        return !end.read(milliseconds{0});
    }

    bool knows(const std::string& wanted) {
        return reach([&] {
            std::string names;
            for (const core::node_info& node : link->known().nodes()) {
                names += node.id.name + " ";
            }
            return names == wanted;
        });
    }

    asio::io_context loop{1};
    net::task_group tasks{loop.get_executor(), [](const std::exception_ptr&) {
                              FAIL();
                          }};
    std::unique_ptr<node::registry_link> link;
    int changes = 0;
    std::vector<std::size_t> nodes_changed; // of each report
    int firsts = 0;                         // reports that completed a first list
};

TEST_F(registry_link_test, registers_and_receives_the_other_nodes) {
    const running_distributor distributor;
    start_link(distributor.port());
    EXPECT_TRUE(knows("gate "));
    EXPECT_TRUE(reach([this] { return !link->known().nodes()[0].routes.empty(); }));
    EXPECT_TRUE(link->known().from_msd());
    EXPECT_TRUE(link->connected());
    raw_node goods{distributor.port()};
    goods.send(foreign_registration("goods", 9010));
    EXPECT_TRUE(knows("gate goods "));
}

TEST_F(registry_link_test, reports_the_first_list_even_when_it_is_empty) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    distributor->send(core::list_frame(""));
    EXPECT_TRUE(reach([this] { return changes == 1; }));
    EXPECT_TRUE(link->known().nodes().empty());
}

TEST_F(registry_link_test, keeps_its_topology_and_registers_with_the_next_distributor) {
    auto first = std::make_unique<running_distributor>();
    const std::uint16_t port = first->port();
    start_link(port);
    EXPECT_TRUE(knows("gate "));
    const auto epoch = link->known().epoch();
    first.reset();
    EXPECT_TRUE(reach([this] { return !link->connected(); }));
    EXPECT_EQ(link->connected_since(), time_point::min());
    EXPECT_EQ(link->known().nodes().size(), 1U);
    const running_distributor second{{}, port};
    EXPECT_TRUE(reach([&] { return link->known().epoch() != epoch && link->known().epoch() != 0; })
    );
    EXPECT_TRUE(knows("gate "));
    EXPECT_GT(link->connected_since(), time_point::min());
}

TEST_F(registry_link_test, reconnects_with_its_revision_and_ignores_the_list_sent_at_accept) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    auto distributor = accept_link(listener.get());
    distributor->send(core::list_frame(""));
    EXPECT_EQ(hear(*distributor).find("\"have\""), std::string::npos);
    distributor->send(core::announcement_frame({7, 3}));
    EXPECT_NE(hear(*distributor).find(R"("have":{"epoch":0,"rev":0})"), std::string::npos);
    distributor->send(core::snapshot_frame({7, 3}, {entry("a"), 0, false}));
    EXPECT_TRUE(knows("a "));
    distributor->close();
    distributor = accept_link(listener.get());
    const int before = changes;
    distributor->send(core::list_frame("") + core::announcement_frame({7, 4}));
    EXPECT_EQ(hear(*distributor).find("\"have\""), std::string::npos);
    EXPECT_NE(hear(*distributor).find(R"("have":{"epoch":7,"rev":3})"), std::string::npos);
    EXPECT_EQ(changes, before);
    distributor->send(core::changes_frame({7, 4}, {3, entry("b"), ""}));
    EXPECT_TRUE(knows("a b "));
}

TEST_F(registry_link_test, requests_one_snapshot_when_it_missed_a_change) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    distributor->send(core::snapshot_frame({7, 3}, {entry("a"), 0, false}));
    hear(*distributor);
    const std::string late = core::changes_frame({7, 9}, {8, entry("b"), ""});
    distributor->send(late + late);
    EXPECT_NE(hear(*distributor).find(R"("have":{"epoch":0,"rev":0})"), std::string::npos);
    distributor->send(core::snapshot_frame({7, 9}, {entry("b"), 0, false}));
    EXPECT_TRUE(knows("b "));
    EXPECT_TRUE(is_quiet(*distributor));
}

TEST_F(registry_link_test, works_with_a_foreign_distributor) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    auto distributor = accept_link(listener.get());
    distributor->send(core::list_frame(""));
    const std::string registration = hear(*distributor);
    EXPECT_NE(registration.find(R"("urls":["GET/gate"])"), std::string::npos) << registration;
    distributor->send(core::list_frame(entry("goods", "::ffff:127.0.0.1")));
    EXPECT_TRUE(knows("goods "));
    EXPECT_EQ(link->known().nodes()[0].id.host, "127.0.0.1");
    EXPECT_FALSE(link->known().from_msd());
    distributor->send("x¶null¶" + core::list_frame(""));
    EXPECT_TRUE(knows(""));
    EXPECT_TRUE(is_quiet(*distributor)) << "the link has sent all its packets";
}

TEST_F(registry_link_test, answers_pings) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    distributor->send(R"({"uri":"/ping","method":"GET","key":12})"
                      "¶");
    EXPECT_NE(hear(*distributor).find(R"("key":12)"), std::string::npos);
}

TEST_F(registry_link_test, closes_after_an_msd_distributor_has_answered_its_deregistration) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    distributor->send(core::announcement_frame({7, 3}));
    hear(*distributor);
    bool has_left = false;
    asio::co_spawn(loop, link->deregister_and_close(patience), [&](const std::exception_ptr&) {
        has_left = true;
    });
    const std::string frame = hear(*distributor);
    EXPECT_NE(frame.find(R"("method":"DELETE")"), std::string::npos);
    loop.poll();
    EXPECT_FALSE(has_left);
    EXPECT_TRUE(link->connected());
    wire::packet packet;
    ASSERT_TRUE(packet.parse(frame));
    std::string reply;
    wire::append_reply(reply, packet.key(), {});
    distributor->send(reply);
    EXPECT_TRUE(reach([&] { return has_left; }));
    EXPECT_FALSE(link->connected());
    EXPECT_TRUE(reach([this] { return tasks.size() == 0; })) << "the link does not connect again";
}

TEST_F(registry_link_test, requests_a_list_after_its_deregistration_and_does_not_register_again) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    distributor->send(core::snapshot_frame({7, 3}, {entry("a"), 0, false}));
    hear(*distributor);
    bool has_left = false;
    asio::co_spawn(loop, link->deregister(patience), [&](const std::exception_ptr&) {
        has_left = true;
    });
    hear(*distributor);
    std::string reply;
    wire::append_reply(reply, "1", {});
    distributor->send(reply);
    EXPECT_TRUE(reach([&] { return has_left; }));
    EXPECT_TRUE(link->connected());
    // The link missed a change; it answers the ping and has not registered again before.
    distributor->send(
        core::changes_frame({7, 9}, {8, entry("b"), ""}) +
        R"({"uri":"/ping","method":"GET","key":12})"
        "¶"
    );
    EXPECT_NE(hear(*distributor).find(R"("key":12)"), std::string::npos);
    link->report_callers_gone(false);
    const std::string asked = hear(*distributor);
    EXPECT_NE(asked.find(R"("method":"DELETE")"), std::string::npos) << asked;
    EXPECT_NE(asked.find(R"("name":"gate","host":"","port":8000)"), std::string::npos) << asked;
    link->close();
    EXPECT_FALSE(link->connected());
}

TEST_F(registry_link_test, stays_connected_to_a_foreign_distributor_until_all_callers_have_closed) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    bool has_left = false;
    asio::co_spawn(loop, link->deregister(patience), [&](const std::exception_ptr&) {
        has_left = true;
    });
    EXPECT_TRUE(reach([&] { return has_left; }));
    link->report_callers_gone(false);
    EXPECT_TRUE(link->connected());
    link->report_callers_gone(true);
    EXPECT_FALSE(link->connected());
}

TEST_F(registry_link_test, leaves_a_foreign_distributor_without_waiting) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    bool has_left = false;
    asio::co_spawn(loop, link->deregister_and_close(patience), [&](const std::exception_ptr&) {
        has_left = true;
    });
    EXPECT_TRUE(reach([&] { return has_left; }));
    EXPECT_NE(distributor->read().value_or("").find(R"("method":"DELETE")"), std::string::npos);
}

TEST_F(registry_link_test, reports_changes_that_arrive_together_once) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    distributor->send(core::snapshot_frame({7, 0}, {entry("a"), 0, false}));
    EXPECT_TRUE(knows("a "));
    EXPECT_EQ(firsts, 1);
    const int before = changes;
    std::string all;
    for (std::uint64_t rev = 1; rev <= 50; ++rev) {
        const std::string name = "n" + std::to_string(rev);
        all += core::changes_frame({7, rev}, {rev - 1, entry(name), ""});
    }
    distributor->send(all);
    EXPECT_TRUE(reach([this] { return link->known().rev() == 50; }));
    EXPECT_TRUE(reach([&] { return changes > before; }));
    EXPECT_LE(changes, before + 3) << "as many as the kernel delivered pieces";
    EXPECT_EQ(firsts, 1);
}

TEST_F(registry_link_test, reports_a_long_list_in_parts_with_other_work_between_them) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    std::string urls;
    for (int url = 0; url < 1000; ++url) {
        urls += (url == 0 ? "\"GET/" : ",\"GET/") + std::to_string(url) + "\"";
    }
    std::string list;
    for (int port = 1; port <= 50; ++port) {
        list += (port == 1 ? "" : ",") + (R"({"port":)" + std::to_string(port)) +
                R"(,"name":"x","host":"127.0.0.1","urls":[)" + urls + "]}";
    }
    distributor->send(core::list_frame(list) + core::list_frame(list));
    EXPECT_TRUE(reach([this] { return firsts == 1; }));
    EXPECT_EQ(link->known().nodes().size(), 50U);
    EXPECT_GE(changes, 20) << "50,000 routes in one turn of the loop";
    for (const std::size_t count : nodes_changed) {
        EXPECT_LE(count, 3U);
    }
    const int before = changes;
    distributor->send(core::list_frame(list));
    distributor->send(R"({"uri":"/ping","method":"GET","key":12})"
                      "¶");
    EXPECT_NE(hear(*distributor).find(R"("key":12)"), std::string::npos);
    EXPECT_EQ(changes, before) << "an equal list changes nothing";
    EXPECT_EQ(link->known().entries_read(), 50U) << "and none of its entries is read again";
}

TEST_F(registry_link_test, registers_again_until_the_registry_accepts_it) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    const std::string full = R"({"key":0,"errorcode":1,"errormessage":"the registry is full"})"
                             "¶";
    for (int refusal = 0; refusal < 3; ++refusal) {
        const std::string sent = hear(*distributor);
        EXPECT_NE(sent.find(R"("method":"POST")"), std::string::npos) << sent;
        EXPECT_EQ(sent.find("\"have\""), std::string::npos) << sent;
        distributor->send(full);
    }
    hear(*distributor);
    distributor->send(core::announcement_frame({7, 3}));
    EXPECT_NE(hear(*distributor).find("\"have\""), std::string::npos);
    distributor->send(full);
    EXPECT_NE(hear(*distributor).find("\"have\""), std::string::npos)
        << "the registration with the routes was refused";
    EXPECT_TRUE(is_quiet(*distributor));
}

TEST_F(registry_link_test, does_not_register_again_after_its_deregistration) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    distributor->send(R"({"key":0,"errorcode":1,"errormessage":"full"})"
                      "¶");
    hear(*distributor);
    distributor->send(R"({"key":0,"errorcode":1,"errormessage":"full"})"
                      "¶");
    bool has_left = false;
    asio::co_spawn(loop, link->deregister(milliseconds{0}), [&](const std::exception_ptr&) {
        has_left = true;
    });
    EXPECT_TRUE(reach([&] { return has_left; }));
    std::string sent = hear(*distributor);
    while (sent.find(R"("method":"DELETE")") == std::string::npos) {
        sent = hear(*distributor);
    }
    const deadline several_pauses = deadline::in(4 * soon);
    EXPECT_TRUE(reach([&] { return several_pauses.passed(); }));
    EXPECT_TRUE(is_quiet(*distributor));
}

TEST_F(registry_link_test, ends_when_its_tasks_are_stopped) {
    const unique_fd listener = listen_on(0);
    start_link(port_of(listener.get()));
    const auto distributor = accept_link(listener.get());
    hear(*distributor);
    tasks.request_stop();
    EXPECT_TRUE(reach([this] { return tasks.size() == 0; }));
    EXPECT_TRUE(distributor->is_closed());
}

TEST_F(registry_link_test, waits_between_attempts_without_a_distributor) {
    std::uint16_t port = 0;
    {
        const unique_fd listener = listen_on(0);
        port = port_of(listener.get());
    }
    start_link(port);
    EXPECT_FALSE(link->connected());
    const running_distributor distributor{{}, port};
    EXPECT_TRUE(knows("gate "));
}

} // namespace
} // namespace msd::testing_roles
