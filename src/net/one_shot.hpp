// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace msd::net {

// A value that one coroutine waits for and other code on the same thread sets. set() resumes the
// coroutine, so what the value refers to needs to live only until the coroutine suspends again.
// Terminating the coroutine's task group resumes it with errc::cancelled.
template <class T>
class one_shot {
public:
    one_shot() = default;
    one_shot(const one_shot&) = delete;
    one_shot& operator=(const one_shot&) = delete;

    /// Once per object.
    [[nodiscard]] asio::awaitable<result<T>> wait() {
        auto initiate = [this](auto handler) {
            start(std::move(handler));
        };
        return asio::async_initiate<const asio::use_awaitable_t<>, void(result<T>)>(
            std::move(initiate),
            asio::use_awaitable
        );
    }

    /// The first call counts. May destroy this object before it returns.
    void set(result<T> outcome) {
        if (done_) {
            return;
        }
        done_ = true;
        if (waiter_) {
            const auto taken = std::move(waiter_);
            taken->resume(std::move(outcome));
        } else {
            early_ = std::move(outcome);
        }
    }

private:
    struct waiter {
        virtual ~waiter() = default;
        virtual void resume(result<T> outcome) = 0;
    };

    template <class Handler>
    struct typed_waiter final : waiter {
        explicit typed_waiter(Handler taken) : handler{std::move(taken)} {}
        void resume(result<T> outcome) override {
            auto slot = asio::get_associated_cancellation_slot(handler);
            if (slot.is_connected()) {
                slot.clear();
            }
            // Moved out first: the handler's memory is freed before the coroutine resumes.
            Handler ready = std::move(handler);
            std::move(ready)(std::move(outcome));
        }
        Handler handler;
    };

    template <class Handler>
    void start(Handler handler) {
        if (early_) {
            // Asio forbids that a handler runs inside its initiating function.
            auto executor = asio::get_associated_executor(handler);
            asio::post(
                executor,
                [ready = std::move(handler), outcome = std::move(*early_)]() mutable {
                    std::move(ready)(std::move(outcome));
                }
            );
            return;
        }
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
            slot.assign([this](asio::cancellation_type kind) {
                if ((kind & asio::cancellation_type::terminal) != asio::cancellation_type::none) {
                    set(fail(errc::cancelled, "the worker is shutting down"));
                }
            });
        }
        waiter_ = std::make_unique<typed_waiter<Handler>>(std::move(handler));
    }

    std::unique_ptr<waiter> waiter_;
    std::optional<result<T>> early_;
    bool done_ = false;
};

} // namespace msd::net
