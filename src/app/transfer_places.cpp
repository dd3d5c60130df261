// SPDX-License-Identifier: Apache-2.0
#include "app/transfer_places.hpp"

#include "app/data_owner.hpp"
#include "app/environment.hpp"
#include "app/secret.hpp"
#include "store/open_transfer.hpp"
#include "store/server_url.hpp"
#include "store/stored_services.hpp"

#include <fmt/format.h>

#include <fcntl.h>

#include <system_error>
#include <utility>

namespace msd::app {

namespace {

constexpr std::string_view server_scheme = "mysql://";
constexpr std::string_view embedded_scheme = "sqlite:";

store::store_settings settings_of(const configuration& from) {
    store::store_settings made;
    made.data_dir = from.data_dir;
    made.server = from.service.store;
    return made;
}

} // namespace

tl::expected<transfer_places, refusal>
transfer_places::of(const command_line& command, const configuration& from) {
    transfer_places made;
    made.configured_ = settings_of(from);
    auto password = store_password(from, process_environment);
    if (!password) {
        return tl::unexpected{refusal{exit_configuration, password.error().text}};
    }
    made.configured_.server.password = std::move(*password);
    if (const auto named = made.name(command.place, from); !named) {
        return tl::unexpected{refusal{exit_usage, named.error().text}};
    }
    if (made.named_ && command.what == verb::export_rows) {
        return tl::unexpected{
            refusal{exit_usage, "an export goes to a directory; msd import fills a store"}};
    }
    return made;
}

result<void> transfer_places::become_owner(
    const command_line& command,
    const configuration& from,
    const std::vector<std::string>& services
) {
    const auto directories = data_directories();
    const auto owner = directories.empty() ? std::nullopt : owner_of_data(directories, from);
    if (!owner) {
        return tl::unexpected{owner.error()};
    }
    if (!*owner) {
        return {};
    }
    for (const std::string& each : services) {
        // Without a source no target is created.
        std::error_code unknown;
        const auto database = configured_.data_dir / fmt::format("{}.db", each);
        const bool has_source = command.what != verb::export_rows || store::may_be_missing(each) ||
                                std::filesystem::exists(database, unknown);
        if (!named_ && has_source) {
            open_files_.emplace(each, take_file(each, command.what));
        }
    }
    return become_owner_of_data(directories, **owner, command.what == verb::import_rows);
}

result<transfer_end>
transfer_places::open_configured(std::string_view service, store::transfer_use use) const {
    return store::open_transfer(configured_, service, use);
}

result<transfer_end> transfer_places::open_named(std::string_view service) {
    if (named_) {
        return store::open_transfer(*named_, service, store::transfer_use::reading);
    }
    auto file = take_file(service, verb::import_rows);
    if (!file && file.error().code == errc::not_found && store::may_be_missing(service)) {
        return store::no_rows();
    }
    return file ? store::read_transfer_file(std::move(*file), service)
                : tl::unexpected{std::move(file.error())};
}

result<transfer_end> transfer_places::create_file(std::string_view service) {
    auto file = take_file(service, verb::export_rows);
    if (!file) {
        return tl::unexpected{std::move(file.error())};
    }
    if (!file->is_new) {
        // For count_in_file(): a new user of the process may have no permission to open it again.
        unique_fd same{::fcntl(file->file.get(), F_DUPFD_CLOEXEC, 0)};
        open_files_.insert_or_assign(
            std::string{service},
            store::transfer_file{file->path, {}, std::move(same)}
        );
    }
    return store::write_transfer_file(std::move(*file), service);
}

result<std::int64_t> transfer_places::count_in_file(std::string_view service) {
    auto whole = open_named(service);
    return whole ? (*whole)->count() : tl::unexpected{std::move(whole.error())};
}

result<store::transfer_file> transfer_places::take_file(std::string_view service, verb what) {
    if (auto kept = open_files_.extract(std::string{service})) {
        return std::move(kept.mapped());
    }
    const auto path = file_of(service);
    return what == verb::export_rows ? store::create_transfer_file(path)
                                     : store::open_transfer_file(path);
}

result<void> transfer_places::name(std::string_view place, const configuration& from) {
    if (place.starts_with(embedded_scheme)) {
        named_ = settings_of(from);
        named_->data_dir = place.substr(embedded_scheme.size());
        named_->server.url.clear();
        named_->server.replicas.clear();
    } else if (place.starts_with(server_scheme)) {
        const auto url = store::parse_server_url(place);
        if (!url) {
            return tl::unexpected{url.error()};
        }
        if (!url->password.empty()) {
            return fail(
                errc::invalid,
                fmt::format(
                    "every user of this machine can read a command line: set {} instead",
                    other_password_variable
                )
            );
        }
        auto password = read_secret({}, other_password_variable, process_environment);
        if (!password) {
            return tl::unexpected{std::move(password.error())};
        }
        named_ = settings_of(from);
        named_->server.url = place;
        named_->server.replicas.clear();
        named_->server.password = std::move(*password);
    } else {
        directory_ = place;
    }
    return {};
}

std::filesystem::path transfer_places::file_of(std::string_view service) const {
    return directory_ / fmt::format("{}.jsonl", service);
}

std::vector<std::filesystem::path> transfer_places::data_directories() const {
    std::vector<std::filesystem::path> all;
    for (const store::store_settings* each : {&configured_, named_ ? &*named_ : nullptr}) {
        if (each != nullptr && each->server.url.empty()) {
            all.push_back(each->data_dir);
        }
    }
    return all;
}

} // namespace msd::app
