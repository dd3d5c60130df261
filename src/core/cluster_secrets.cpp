// SPDX-License-Identifier: Apache-2.0
#include "core/cluster_secrets.hpp"

#include <algorithm>
#include <bitset>

namespace msd::core {

namespace {

// What is wrong with a secret; empty when it can be used.
std::string fault_of(std::string_view secret) {
    const auto is_printable = [](char c) {
        return c > ' ' && c < '\x7F';
    };
    if (!std::all_of(secret.begin(), secret.end(), is_printable)) {
        return "contains a space or a character that is not printable ASCII";
    }
    if (secret.size() < cluster_secrets::characters_min) {
        return "has " + std::to_string(secret.size()) + " characters; a secret has at least " +
               std::to_string(cluster_secrets::characters_min);
    }
    if (secret.size() > cluster_secrets::characters_max) {
        return "has more than " + std::to_string(cluster_secrets::characters_max) + " characters";
    }
    std::bitset<128> seen;
    for (const char c : secret) {
        seen.set(static_cast<unsigned char>(c));
    }
    if (seen.count() < cluster_secrets::different_characters_min) {
        return "has fewer than " + std::to_string(cluster_secrets::different_characters_min) +
               " different characters and can be guessed";
    }
    return {};
}

} // namespace

result<void> cluster_secrets::add(std::string_view text) {
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('\t')) {
            line.remove_suffix(1);
        }
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        if (const std::string fault = fault_of(line); !fault.empty()) {
            return fail(errc::invalid, "line " + std::to_string(number) + " " + fault);
        }
        if (std::find(all_.begin(), all_.end(), line) != all_.end()) {
            continue;
        }
        if (all_.size() == count_max) {
            return fail(
                errc::invalid,
                "line " + std::to_string(number) + " is one secret too many: at most " +
                    std::to_string(count_max) + " are used"
            );
        }
        all_.emplace_back(line);
    }
    return {};
}

bytes_32 cluster_secrets::id_of(std::string_view secret) {
    return hmac_sha256(secret, "msd cluster secret");
}

bool cluster_secrets::has(const bytes_32& id) const {
    return std::any_of(all_.begin(), all_.end(), [&id](const std::string& each) {
        return id_of(each) == id;
    });
}

bytes_32 cluster_secrets::digest() const {
    std::string ids;
    for (const std::string& each : all_) {
        ids += hex_of(id_of(each));
    }
    return hmac_sha256("msd cluster secrets", ids);
}

} // namespace msd::core
