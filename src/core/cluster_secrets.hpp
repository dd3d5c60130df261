// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/hmac.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// The secrets of a cluster, the newest first. Two nodes prove to each other that they have one of
// them in common (core/cluster_proof.hpp). There are several while a secret is being replaced.
class cluster_secrets {
public:
    static constexpr std::size_t count_max = 8;
    static constexpr std::size_t characters_min = 32;
    static constexpr std::size_t characters_max = 1024;
    static constexpr std::size_t different_characters_min = 8;

    /// Adds the secrets of a file: one a line, the newest first. Lines that are empty or begin with
    /// # are skipped, and so are repeated secrets. errc::invalid with the number of the line and
    /// what is wrong, never with a part of the line.
    [[nodiscard]] result<void> add(std::string_view text);

    [[nodiscard]] bool empty() const { return all_.empty(); }
    [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

    /// Identifies one secret in state that outlives a process, without revealing it.
    [[nodiscard]] static bytes_32 id_of(std::string_view secret);
    [[nodiscard]] bool has(const bytes_32& id) const;
    /// Different for other secrets or another order of them.
    [[nodiscard]] bytes_32 digest() const;

private:
    std::vector<std::string> all_;
};

} // namespace msd::core
