// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/node.hpp"
#include "core/registry_room.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace msd::core {

// A node as the list describes it, as the texts that are sent.
struct node_description {
    std::string foreign;     // the entry for foreign nodes
    std::string msd;         // the entry for msd nodes; empty: the same
    std::size_t routes = 0;  // how many urls or routes, whichever are more
    bool has_routes = false; // more than urls; a web program has none, so its protocol counts

    [[nodiscard]] const std::string& for_msd() const { return msd.empty() ? foreign : msd; }
    bool operator==(const node_description&) const = default;
};

[[nodiscard]] node_description describe(const node_info& node);

/// Whether gateways would treat the node differently. A description without routes does not
/// contradict one with routes and the same urls: an msd node registers first without them.
[[nodiscard]] bool contradicts(const node_description& listed, const node_description& other);

// The descriptions of one node by the connections that registered it (its holders). Holders that
// give the same description have one claim together. The strongest claim is listed: one of a holder
// that proved the cluster secret before all others, then the oldest. A claim without holders keeps
// its age for a while: a service whose only worker restarts does not lose its place to a connection
// that waited for that.
class node_claims {
public:
    using text = std::shared_ptr<const node_description>;

    // The holders, of one node or of all, have a number each: that of their connection.
    using holder_id = std::uint64_t;

    struct claim {
        text what;
        std::uint64_t since = 0; // smaller: older
        holder_id made_by = 0;
        std::size_t holders = 0;
        std::size_t proven = 0;               // holders that proved the cluster secret
        time_point until = time_point::max(); // without holders: when the claim ends
        std::string address; // whose quota the claim counts against; empty: nobody's
    };

    static constexpr std::size_t claims_max = 64;
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    [[nodiscard]] const std::vector<claim>& all() const { return claims_; }
    [[nodiscard]] claim& at(std::size_t place) { return claims_.at(place); }
    [[nodiscard]] bool is_full() const { return claims_.size() >= claims_max; }

    /// The claim that a description belongs to, or `none`. A description without routes belongs to
    /// a claim with the same urls.
    [[nodiscard]] std::size_t match(const node_description& described) const;
    [[nodiscard]] std::size_t find(const node_description* what) const;
    /// The claim that is to be listed; `none` when there are no holders.
    [[nodiscard]] std::size_t strongest() const;
    /// A claim that has holders contradicts `listed`.
    [[nodiscard]] bool has_contradiction(const node_description& listed) const;

    std::size_t add(claim&& made);
    /// Removes the claims without holders whose time is over, but not `listed`.
    void expire(time_point now, const node_description* listed);
    /// Removes the claim when it has no holders and nobody would miss its age.
    void remove(std::size_t place);

    /// What all claims use of the limits: the most of any of them, and the rest as extra bytes.
    [[nodiscard]] room_use use() const;
    /// What one claim uses of the quota of its address.
    [[nodiscard]] room_use use_of(std::size_t place) const;

private:
    std::vector<claim> claims_; // in the order in which they were made
};

} // namespace msd::core
