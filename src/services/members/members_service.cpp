// SPDX-License-Identifier: Apache-2.0
#include "services/members/members_service.hpp"

#include "base/log.hpp"
#include "services/events/event_relay.hpp"
#include "services/members/member_overviews.hpp"
#include "services/members/password_checks.hpp"
#include "services/members/passwords.hpp"
#include "services/store_replies.hpp"
#include "store/members_repository.hpp"
#include "store/open.hpp"

#include <array>
#include <optional>
#include <sodium.h>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds open_timeout{10'000};

constexpr std::size_t password_length_max = 1024;

constexpr parameter username{
    .name = "username",
    .required = true,
    .length_min = 1,
    .about = "unique, byte by byte"};
// Of a new member; existing names may have any characters.
constexpr parameter new_username{
    .name = "username",
    .required = true,
    .length_min = 1,
    .allowed = characters::name,
    .about = "unique, byte by byte"};
constexpr parameter password{
    .name = "password",
    .required = true,
    .secret = true,
    .length_max = password_length_max,
    .length_min = 1,
    .about = "stored only as a hash"};

// GET /members has the password in the URL, which proxies log; it remains for existing clients.
// POST /members/login has it in the body.
constexpr std::array login_parameters{username, password};
constexpr std::array new_parameters{new_username, password};
constexpr std::array name_parameters{username};

using store::member_hashes;

// The result of the work on the hashing lane for one login: the check, and new hashes when the
// stored hashes are outdated.
struct checked_login {
    verdict outcome;
    std::optional<member_hashes> renewed; // nullopt: keep the stored hashes
};

bool is_right(verdict outcome) {
    return outcome == verdict::right || outcome == verdict::right_rehash;
}

// The stronger of the hashes. An older msd, which does not know argon2id, replaces `password` only.
const std::string& strongest(const member_hashes& hashes) {
    const bool has_both = is_legacy_hash(hashes.password) && !hashes.argon2id.empty();
    return has_both ? hashes.argon2id : hashes.password;
}

// The hashes to store for a known password. When nodes of an existing deployment use the table,
// `password` is the hash that they verify; otherwise `password` is the argon2id hash.
result<member_hashes> hashes_of(std::string argon2id, std::string_view given, bool shared) {
    if (!shared) {
        return member_hashes{.password = std::move(argon2id), .argon2id = {}};
    }
    auto legacy = legacy_hash(given);
    if (!legacy) {
        return tl::unexpected{std::move(legacy.error())};
    }
    return member_hashes{.password = std::move(*legacy), .argon2id = std::move(argon2id)};
}

result<member_hashes> hash_new(std::string_view given, bool shared) {
    auto argon2id = hash_password(given);
    if (!argon2id) {
        return tl::unexpected{std::move(argon2id.error())};
    }
    return hashes_of(std::move(*argon2id), given, shared);
}

// The hashes to store after a login with the right password; they may equal the stored hashes.
result<member_hashes>
renew(std::string_view given, const store::member_row& found, verdict outcome) {
    if (outcome == verdict::right) {
        return hashes_of(strongest(found.hashes), given, found.shared_with_legacy);
    }
    return hash_new(given, found.shared_with_legacy);
}

result<checked_login>
check_login(const std::string& given, const std::optional<store::member_row>& found) {
    const auto outcome =
        found ? check_password(given, strongest(found->hashes)) : check_without_member(given);
    if (!outcome) {
        return tl::unexpected{outcome.error()};
    }
    checked_login checked{*outcome, {}};
    if (found && is_right(*outcome)) {
        // When there is not enough memory, a later login renews the hashes.
        auto renewed = renew(given, *found, *outcome);
        if (renewed && (renewed->password != found->hashes.password ||
                        renewed->argon2id != found->hashes.argon2id)) {
            checked.renewed = std::move(*renewed);
        }
    }
    return checked;
}

reply userid_reply(std::int64_t id) {
    return success("\"userid\":" + std::to_string(id));
}

reply wrong_password() {
    return failure(403, "invalid password");
}

// Requests of an existing gateway do not name their client: then the gateway is the client.
const std::string& client_of(const call& asked) {
    return asked.from.client.empty() ? asked.from.address : asked.from.client;
}

class members_service final : public service {
public:
    explicit members_service(const service_context& context)
        : settings_{
              .executor = context.executor,
              .data_dir = context.settings.data_dir,
              .server = context.settings.store},
          checks_{
              {.executor = context.executor,
               .data_dir = context.settings.data_dir,
               .throttle = context.settings.rules.logins,
               .requests_in_flight_max = context.settings.requests_in_flight_max}},
          overviews_{context},
          relay_{context, "/members"} {
        const auto login = [this](call asked) {
            return check_member(std::move(asked));
        };
        routes_ = {
            {"GET", "/members", login_parameters, login},
            {"POST", "/members/login", login_parameters, login},
            {"POST",
             "/members",
             new_parameters,
             [this](call asked) {
                 return add_member(std::move(asked));
             }},
            {"DELETE",
             "/members",
             name_parameters,
             [this](call asked) {
                 return remove_member(std::move(asked));
             }},
            {"GET",
             "/members/{id}/overview",
             member_overviews::parameters(),
             [this](call asked) {
                 return overviews_.find(std::move(asked));
             }},
        };
        for (route& each : routes_) {
            each.wants_client = true;
        }
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    void write_figures(json::writer& out) const override {
        checks_.write_figures(out);
        overviews_.write_figures(out);
        relay_.write_figures(out);
    }

    asio::awaitable<result<void>> start() override {
        if (sodium_init() < 0) {
            co_return fail(
                errc::unavailable,
                "libsodium cannot be initialized: it has no source of randomness"
            );
        }
        if (auto started = checks_.start(); !started) {
            co_return started;
        }
        auto settings = settings_;
        auto opened = co_await store::open_members(std::move(settings), deadline::in(open_timeout));
        if (!opened) {
            co_return tl::unexpected{std::move(opened.error())};
        }
        members_ = std::move(*opened);
        relay_.start(members_->unsent());
        overviews_.start(*members_);
        co_return result<void>{};
    }

    asio::awaitable<void> stop() override {
        co_await overviews_.stop();
        co_await relay_.stop();
        checks_.stop();
        members_.reset();
    }

private:
    asio::awaitable<reply> check_member(call asked) {
        auto made = checks_.recognize(client_of(asked), asked.args.text("username"));
        const auto found = co_await members_->find(asked.args.text("username"), asked.until);
        if (!found && found.error().code != errc::not_found) {
            co_return store_failure(found.error());
        }
        std::optional<store::member_row> known;
        if (found) {
            known = *found;
        }
        const auto checked = co_await check_password_of(&made, &asked, std::move(known));
        if (!checked.answer) {
            auto answer = co_await logged_in(std::move(asked), *found, checked.renewed);
            co_return answer;
        }
        auto answer =
            co_await checks_.hold_back(made, *checked.answer, asked.until, checked.was_skipped);
        co_return answer;
    }

    // What has become of one login.
    struct login_outcome {
        std::optional<reply> answer; // unless the password is right
        std::optional<member_hashes> renewed;
        bool was_skipped = false; // no password was checked
    };

    asio::awaitable<login_outcome> check_password_of(
        password_checks::attempt* made,
        const call* asked,
        std::optional<store::member_row> known
    ) {
        login_outcome out;
        const std::string& given = asked->args.text("password");
        const auto digest =
            checks_.digest_of(*made, known ? strongest(known->hashes) : std::string{}, given);
        out.answer = checks_.reply_unchecked(*made, digest);
        if (out.answer) {
            co_return out;
        }
        const bool is_known = known.has_value();
        const auto what = is_known ? password_checks::work::member : password_checks::work::unknown;
        auto check = [given, known = std::move(known)] {
            return check_login(given, known);
        };
        const auto checked = co_await checks_.run(*made, what, asked, std::move(check));
        if (!checked && !is_known && checked.error().code == errc::refused) {
            // Unknown names share few places. The reply is right without a check.
            out.answer = wrong_password();
            out.was_skipped = true;
        } else if (!checked) {
            out.answer = password_checks::failure_of(checked.error());
        } else if (checked->outcome == verdict::unreadable) {
            out.answer = failure(
                403,
                "the stored form of the password is too old to be checked: set the password again"
            );
        } else if (!is_known || !is_right(checked->outcome)) {
            checks_.note_wrong(*made, digest);
            out.answer = wrong_password();
        } else {
            checks_.note_right(*made);
            out.renewed = checked->renewed;
        }
        co_return out;
    }

    asio::awaitable<reply>
    logged_in(call asked, store::member_row found, std::optional<member_hashes> renewed) {
        if (renewed) {
            // A login succeeds with the right password even when the store cannot be written.
            const deadline until = asked.until.halfway();
            const auto done =
                co_await members_->rehash(found.id, found.hashes.password, *renewed, until);
            if (!done) {
                log::warning("member {}: the renewed password hash could not be stored", found.id);
            }
        }
        co_return userid_reply(found.id);
    }

    asio::awaitable<reply> add_member(call asked) {
        auto once = idempotency_of(asked, "POST/members");
        if (once) {
            const auto earlier = co_await members_->recall(*once, asked.until);
            if (!earlier) {
                co_return store_failure(earlier.error());
            }
            if (const auto& noted = *earlier) {
                std::string own_hash; // empty: this request made no hash
                auto same = co_await repeated(std::move(asked), *noted, std::move(own_hash));
                co_return same;
            }
        }
        const auto shared = co_await members_->is_shared_with_legacy(asked.until);
        if (!shared) {
            co_return store_failure(shared.error());
        }
        auto make = [given = asked.args.text("password"), is_shared = *shared] {
            return hash_new(given, is_shared);
        };
        const auto made = checks_.recognize(client_of(asked), asked.args.text("username"));
        const auto hashes =
            co_await checks_.run(made, password_checks::work::creation, &asked, std::move(make));
        if (!hashes) {
            auto refused = password_checks::failure_of(hashes.error());
            auto answer = co_await checks_.hold_back(made, std::move(refused), asked.until);
            co_return answer;
        }
        if (!asked.is_wanted()) {
            co_return no_longer_wanted();
        }
        const bool may_repeat = once.has_value();
        const auto added =
            co_await members_
                ->add(asked.args.text("username"), *hashes, std::move(once), asked.until);
        relay_.wake();
        if (!added && added.error().code == errc::conflict) {
            co_return failure(409, "the username is taken");
        }
        if (!added) {
            co_return store_failure(added.error());
        }
        if (may_repeat) {
            // Another request with this key may have been executed first.
            auto same = co_await repeated(std::move(asked), *added, hashes->password);
            co_return same;
        }
        co_return userid_reply(*added);
    }

    // The fingerprint does not include the password. So the password of the repeated request is
    // checked against the stored hash, unless that is the hash `own` that this request made.
    asio::awaitable<reply> repeated(call asked, std::int64_t id, std::string own) {
        const auto found = co_await members_->find(asked.args.text("username"), asked.until);
        if (found && found->id == id && found->hashes.password != own) {
            // The reply reveals whether the password is right, so this is a login.
            auto made = checks_.recognize(client_of(asked), asked.args.text("username"));
            auto checked = co_await check_password_of(&made, &asked, *found);
            if (checked.answer && checked.answer->status == 403) {
                checked.answer = store_failure(
                    {errc::invalid, "the request was repeated with a different password"}
                );
            }
            if (checked.answer) {
                auto answer = co_await checks_.hold_back(made, *checked.answer, asked.until);
                co_return answer;
            }
        }
        co_return userid_reply(id);
    }

    asio::awaitable<reply> remove_member(call asked) {
        auto once = idempotency_of(asked, "DELETE/members");
        const auto removed =
            co_await members_->remove(asked.args.text("username"), std::move(once), asked.until);
        co_return removed ? success() : store_failure(removed.error());
    }

    store::store_settings settings_;
    password_checks checks_;
    member_overviews overviews_;
    event_relay relay_;
    std::unique_ptr<store::members_repository> members_;
    std::vector<route> routes_;
};

} // namespace

std::unique_ptr<service> make_members_service(const service_context& context) {
    return std::make_unique<members_service>(context);
}

} // namespace msd::services
