// SPDX-License-Identifier: Apache-2.0
#include "integration/services/service_under_test.hpp"
#include "little_memory.hpp"
#include "store/members_repository.hpp"
#include "store/open.hpp"

#include <asio/co_spawn.hpp>

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <map>

namespace msd::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kim = R"({"username":"kim","password":"geheim-1"})";
const std::string kim_wrong = R"({"username":"kim","password":"geheim-2"})";

class members_service : public testing::Test {
protected:
    std::string post(const std::string& params, std::string key = {}) {
        return members_.text("POST", "/members", params, std::move(key));
    }
    std::string login(const std::string& params) {
        return members_.text("GET", "/members", params);
    }

    // A member with a hash of an old deployment.
    void store_hash(const std::string& username, const std::string& hash) {
        auto repository = members_.on().wait(store::open_members(settings(), soon()));
        ASSERT_TRUE(repository);
        auto& opened = **repository;
        ASSERT_TRUE(members_.on().wait(opened.add(username, {hash, ""}, std::nullopt, soon())));
    }
    std::string stored_hash(const std::string& username) {
        auto repository = members_.on().wait(store::open_members(settings(), soon()));
        auto& opened = **repository;
        return members_.on().wait(opened.find(username, soon())).value().hashes.password;
    }

    store::store_settings settings() {
        store::store_settings chosen;
        chosen.executor = members_.on().executor();
        chosen.data_dir = members_.data_dir();
        return chosen;
    }
    static deadline soon() { return deadline::in(patience); }

    service_under_test members_{"members"};
};

TEST_F(members_service, accepts_a_login_with_the_right_password_only) {
    EXPECT_EQ(post(kim), R"(200 0 success {"userid":1})");
    EXPECT_EQ(login(kim), R"(200 0 success {"userid":1})");
    EXPECT_EQ(login(kim_wrong), "403 1 invalid password {}");
}

TEST_F(members_service, answers_a_login_by_post_like_a_login_by_get) {
    const auto by_post = [this](const std::string& params) {
        return members_.text("POST", "/members/login", params);
    };
    post(kim);
    EXPECT_EQ(by_post(kim), login(kim));
    EXPECT_EQ(by_post(kim_wrong), login(kim_wrong));
    EXPECT_EQ(by_post("{}"), login("{}"));
}

TEST_F(members_service, answers_an_unknown_name_like_a_wrong_password) {
    EXPECT_EQ(login(kim), "403 1 invalid password {}");
}

TEST_F(members_service, refuses_every_login_when_the_password_cannot_be_checked) {
    post(kim);
    login(kim); // so that all threads are started
    const little_memory while_it_lasts;
    EXPECT_THAT(login(kim_wrong), StartsWith("503 1 "));
    EXPECT_THAT(login(kim), StartsWith("503 1 "));
    EXPECT_THAT(login(R"({"username":"nobody","password":"p"})"), StartsWith("503 1 "));
}

TEST_F(members_service, refuses_a_username_that_is_taken) {
    post(kim);
    EXPECT_EQ(post(kim_wrong), "409 1 the username is taken {}");
    EXPECT_THAT(login(kim), StartsWith("200 0 "));
}

TEST_F(members_service, removes_by_username) {
    post(kim);
    EXPECT_EQ(members_.text("DELETE", "/members", R"({"username":"kim"})"), "200 0 success {}");
    EXPECT_THAT(login(kim), StartsWith("403 1 "));
    EXPECT_EQ(members_.text("DELETE", "/members", R"({"username":"kim"})"), "200 0 success {}");
    EXPECT_THAT(members_.text("DELETE", "/members", "{}"), StartsWith("422 1 "));
}

TEST_F(members_service, treats_sql_in_a_username_as_text) {
    post(R"({"username":"test_account","password":"p"})");
    EXPECT_EQ(
        login(R"({"username":"test_account' -- ","password":"x"})"),
        "403 1 invalid password {}"
    );
}

TEST_F(members_service, requires_name_and_password) {
    EXPECT_THAT(post(R"({"username":"kim"})"), HasSubstr(R"("field":"password")"));
    EXPECT_THAT(post(R"({"username":"","password":""})"), StartsWith("422 1 "));
}

TEST_F(members_service, never_returns_a_password) {
    for (const auto& answer :
         {post(kim),
          login(kim),
          login(kim_wrong),
          post(R"({"username":"kim","password":["geheim-3"]})")}) {
        EXPECT_EQ(answer.find("geheim"), std::string::npos) << answer;
    }
    members_.stop();
    for (const auto* const file : {"members.db", "members.db-wal"}) {
        std::ifstream in{members_.data_dir() / file, std::ios::binary};
        const std::string content{std::istreambuf_iterator<char>{in}, {}};
        EXPECT_EQ(content.find("geheim"), std::string::npos) << file;
    }
}

TEST_F(members_service, marks_the_password_as_secret) {
    for (const auto* const method : {"GET", "POST"}) {
        const auto& route = members_.route_of(method, "/members");
        const auto found =
            std::ranges::find(route.parameters, "password", &services::parameter::name);
        ASSERT_NE(found, route.parameters.end());
        EXPECT_TRUE(found->secret);
    }
}

TEST_F(members_service, rewrites_an_old_hash_at_the_first_login) {
    store_hash("old", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
    EXPECT_EQ(login(R"({"username":"old","password":"wrong"})"), "403 1 invalid password {}");
    EXPECT_THAT(stored_hash("old"), StartsWith("*2470"));
    const std::string right = R"({"username":"old","password":"password"})";
    EXPECT_THAT(login(right), StartsWith("200 0 "));
    EXPECT_THAT(stored_hash("old"), StartsWith("$argon2id$"));
    EXPECT_THAT(login(right), StartsWith("200 0 "));
}

TEST_F(members_service, reports_that_a_very_old_password_must_be_set_again) {
    store_hash("oldest", "5d2e19393cc5ef67");
    EXPECT_EQ(
        login(R"({"username":"oldest","password":"password"})"),
        "403 1 the stored form of the password is too old to be checked: set the password again {}"
    );
}

TEST_F(members_service, gives_a_repeated_request_the_same_reply) {
    const auto first = post(kim, "key");
    EXPECT_EQ(post(kim, "key"), first);
    const auto different = "422 1 Idempotency-Key was used for a different request {}";
    EXPECT_EQ(post(R"({"username":"lee","password":"geheim-1"})", "key"), different);
    EXPECT_EQ(post(kim_wrong, "key"), different)
        << "a different password makes a different request";
    members_.text("DELETE", "/members", R"({"username":"kim"})");
    EXPECT_EQ(post(kim, "key"), first) << "the later request changes nothing";
}

TEST_F(members_service, distinguishes_two_concurrent_requests_with_one_key) {
    std::vector<services::reply> replies;
    const auto& route = members_.route_of("POST", "/members");
    for (const auto& body : {kim, kim_wrong}) {
        json::object params;
        ASSERT_TRUE(params.parse(body));
        services::call asked;
        ASSERT_TRUE(services::arguments::check(&params, route.parameters, asked.args).empty());
        asked.until = soon();
        asked.idempotency_key = "key";
        asio::co_spawn(
            members_.on().context(),
            route.handle(std::move(asked)),
            [&replies](const std::exception_ptr&, services::reply got) {
                replies.push_back(std::move(got));
            }
        );
    }
    members_.on().run_until([&] { return replies.size() == 2; });
    std::ranges::sort(replies, {}, &services::reply::status);
    EXPECT_EQ(replies[0].status, 200);
    EXPECT_EQ(replies[1].status, 422) << "its password was not stored";
}

// Starts many logins at once and counts their statuses.
class many_logins {
public:
    explicit many_logins(service_under_test& members) : members_{members} {}

    void start(const std::string& params, const std::string& client, bool once = false) {
        const auto& route = members_.route_of("POST", once ? "/members" : "/members/login");
        json::object object;
        ASSERT_TRUE(object.parse(params));
        services::call asked;
        ASSERT_TRUE(services::arguments::check(&object, route.parameters, asked.args).empty());
        asked.until = deadline::in(patience);
        asked.from.client = client;
        ++started_;
        asio::co_spawn(
            members_.on().context(),
            route.handle(std::move(asked)),
            [this](const std::exception_ptr&, const services::reply& got) {
                ++answered_;
                ++statuses[got.status];
                waits_.push_back(got.retry_after_s);
            }
        );
    }
    void wait() {
        members_.on().run_until([this] { return answered_ == started_; });
    }
    [[nodiscard]] bool is_answered() const { return answered_ == started_; }
    // Every 429 and 503 says when to try again.
    [[nodiscard]] int waits() const {
        return static_cast<int>(std::ranges::count_if(waits_, [](int s) { return s > 0; }));
    }

    std::map<int, int> statuses;

private:
    service_under_test& members_;
    int started_ = 0;
    int answered_ = 0;
    std::vector<int> waits_;
};

std::string account(const std::string& name, const std::string& password) {
    return R"({"username":")" + name + R"(","password":")" + password + "\"}";
}

TEST_F(members_service, refuses_logins_beyond_the_queue_of_a_name) {
    post(kim);
    many_logins logins{members_};
    for (int n = 0; n < 80; ++n) {
        logins.start(account("kim", "guess " + std::to_string(n)), "192.0.2.1");
    }
    logins.wait();
    EXPECT_GT(logins.statuses[429], 60);
    EXPECT_EQ(logins.statuses[403] + logins.statuses[429], 80);
    EXPECT_EQ(logins.waits(), logins.statuses[429]);
}

TEST_F(members_service, answers_unknown_names_beyond_the_queue_as_wrong_passwords) {
    many_logins logins{members_};
    for (int n = 0; n < 80; ++n) {
        logins.start(account("nobody " + std::to_string(n), "p"), "192.0.2.1");
    }
    logins.wait();
    EXPECT_EQ(logins.statuses[403], 80);
}

TEST_F(members_service, refuses_members_beyond_the_queue_of_a_client) {
    many_logins additions{members_};
    for (int n = 0; n < 40; ++n) {
        additions.start(account("member " + std::to_string(n), "p"), "192.0.2.1", true);
    }
    additions.wait();
    EXPECT_GE(additions.statuses[200], 32);
    EXPECT_GT(additions.statuses[429], 0);
}

TEST_F(members_service, answers_a_login_before_the_flood_that_began_earlier) {
    post(kim);
    many_logins flood{members_};
    for (int n = 0; n < 40; ++n) {
        flood.start(account("member " + std::to_string(n), "p"), "192.0.2.1", true);
        flood.start(account("nobody " + std::to_string(n), "p"), "192.0.2.1");
    }
    many_logins others{members_};
    others.start(kim, "192.0.2.1"); // with the same address
    others.start(kim, "192.0.2.2");
    others.start(kim, "2001:db8::1");
    others.wait();
    EXPECT_FALSE(flood.is_answered());
    EXPECT_EQ(others.statuses[200], 3);
    flood.wait();
}

TEST_F(members_service, slows_a_name_after_wrong_passwords_but_not_a_proven_client) {
    post(kim);
    many_logins owner{members_};
    owner.start(kim, "2001:db8::1");
    owner.wait();
    many_logins attacker{members_};
    for (int n = 0; n < 7; ++n) {
        attacker.start(account("kim", "guess " + std::to_string(n)), "192.0.2.1");
        attacker.wait();
    }
    EXPECT_EQ(attacker.statuses[403], 6);
    EXPECT_EQ(attacker.statuses[429], 1);
    members_.restart(); // forgets nothing
    many_logins later{members_};
    later.start(kim, "192.0.2.9");
    later.start(kim, "2001:db8:0:1::1");
    later.wait();
    EXPECT_EQ(later.statuses[429], 2);
    owner.start(kim, "2001:db8::2"); // of the same network
    owner.wait();
    EXPECT_EQ(owner.statuses[200], 2);
}

TEST_F(members_service, lets_the_owner_in_beside_a_client_that_repeats_a_wrong_password) {
    post(kim);
    many_logins others{members_};
    for (int n = 0; n < 12; ++n) {
        others.start(kim_wrong, "192.0.2.1");
        others.wait();
        if (n == 3) {
            others.start(kim, "192.0.2.1");
            others.wait();
        }
    }
    EXPECT_EQ(others.statuses[403], 12) << "no guess, so the address stays proven";
    others.start(kim, "192.0.2.1");
    others.wait();
    EXPECT_EQ(others.statuses[200], 2);
}

TEST_F(members_service, counts_passwords_of_repeated_requests_as_logins) {
    const auto first = post(kim, "key");
    for (int n = 0; n < 6; ++n) {
        EXPECT_THAT(post(account("kim", std::to_string(n)), "key"), StartsWith("422 1 "));
    }
    EXPECT_THAT(post(account("kim", "7"), "key"), StartsWith("429 1 "));
}

} // namespace
} // namespace msd::test
