// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "app/resolve.hpp"
#include "base/result.hpp"
#include "store/open.hpp"
#include "store/transfer.hpp"
#include "store/transfer_file.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::app {

using transfer_end = std::unique_ptr<store::transfer_table>;

// The two ends of a transfer: the configured store, and the place that the command line names.
class transfer_places {
public:
    [[nodiscard]] static tl::expected<transfer_places, refusal>
    of(const command_line& command, const configuration& from);

    /// Called once, before the ends are opened. A command that root runs opens the files of
    /// `services` and then switches to the owner of the data directories. errc::denied, …
    [[nodiscard]] result<void> become_owner(
        const command_line& command,
        const configuration& from,
        const std::vector<std::string>& services
    );

    [[nodiscard]] result<transfer_end>
    open_configured(std::string_view service, store::transfer_use use) const;

    [[nodiscard]] result<transfer_end> open_named(std::string_view service);

    /// An export writes to files only.
    [[nodiscard]] result<transfer_end> create_file(std::string_view service);

    /// The number of rows of a completed export.
    [[nodiscard]] result<std::int64_t> count_in_file(std::string_view service);

private:
    result<void> name(std::string_view place, const configuration& from);
    [[nodiscard]] std::filesystem::path file_of(std::string_view service) const;
    [[nodiscard]] std::vector<std::filesystem::path> data_directories() const;
    [[nodiscard]] result<store::transfer_file> take_file(std::string_view service, verb what);

    store::store_settings configured_;
    std::optional<store::store_settings> named_;
    std::filesystem::path directory_; // when the other place is not a store
    // The files that were opened before the change of user.
    std::map<std::string, result<store::transfer_file>, std::less<>> open_files_;
};

} // namespace msd::app
