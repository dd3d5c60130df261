// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace msd::core {

// A bound on the memory of everything that a worker has received and not handled: the receive
// buffers of all connections, with the parts of packets, heads and bodies in them. One client can
// open many connections and send each a message without its end; limits for one connection bound
// that only together with the number of connections.
//
// Each connection has a share: the capacity of its buffers. When the shares exceed the bound, the
// budget first frees buffers in which nothing is unfinished. Then it ends the connections whose
// unfinished input has occupied the most memory for the longest time (bytes × time), until an
// eighth of the bound is free. So a client that sends a large message fast is served while others
// send slowly, and a search through all shares is paid for by the bytes that were received since
// the last one. Single-threaded; time is an argument.
class input_budget {
public:
    // The owner of a share.
    class holder {
    public:
        virtual ~holder() = default;
        holder(const holder&) = delete;
        holder& operator=(const holder&) = delete;

        /// Since when the share contains the beginning of a message; time_point::max(): it does
        /// not.
        [[nodiscard]] virtual time_point unfinished_since() const = 0;
        /// Frees the memory, which is no longer counted, and ends the connection if something was
        /// unfinished. Must not use the budget, and must not destroy a holder.
        virtual void reclaim() = 0;

    protected:
        holder() = default;
    };

    explicit input_budget(std::size_t bytes_max = std::size_t{64} << 20) : bytes_max_{bytes_max} {}
    ~input_budget() = default;
    input_budget(const input_budget&) = delete;
    input_budget& operator=(const input_budget&) = delete;

    /// Must have room for the largest message that is allowed. Frees nothing before the next
    /// resize().
    void set_bytes_max(std::size_t bytes_max) { bytes_max_ = bytes_max; }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
    [[nodiscard]] std::size_t used() const { return used_; }
    /// Connections that were ended so far.
    [[nodiscard]] std::uint64_t ended() const { return ended_; }
    /// `react` is called whenever connections were ended; it must not use the budget but to read
    /// it.
    void on_ended(std::function<void(time_point now)> react) { on_ended_ = std::move(react); }

    // What one holder has. The budget and the holder must outlive it.
    class share {
    public:
        /// Without a budget, nothing is counted.
        share(input_budget* budget, holder& owner);
        ~share();
        share(const share&) = delete;
        share& operator=(const share&) = delete;

        /// The share is `bytes` from now on. Costs one comparison when nothing has changed. Returns
        /// false when the holder itself had to be reclaimed.
        [[nodiscard]] bool resize(std::size_t bytes, time_point now) {
            return bytes == bytes_ || budget_ == nullptr || budget_->resize(*this, bytes, now);
        }
        /// The same without a look at the bound, for a share that gets smaller.
        void shrink(std::size_t bytes);
        [[nodiscard]] std::size_t bytes() const { return bytes_; }

    private:
        friend class input_budget;
        input_budget* budget_;
        holder& owner_;
        std::size_t bytes_ = 0;
        std::size_t place_ = 0; // in shares_, while bytes_ is not 0
    };

private:
    [[nodiscard]] bool resize(share& changed, std::size_t bytes, time_point now);
    void set(share& changed, std::size_t bytes);
    void make_room(time_point now);

    std::size_t bytes_max_;
    std::size_t used_ = 0;
    std::uint64_t ended_ = 0;
    std::function<void(time_point)> on_ended_;
    std::vector<share*> shares_; // those that are not empty
};

} // namespace msd::core
