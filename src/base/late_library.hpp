// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <atomic>

// Shared libraries that few of msd's processes need. One that is linked is bound by every process
// as it starts, which is most of what a worker does until it is ready: OpenSSL and the driver for
// MySQL, with what they need in turn, had half of the symbols and two fifths of the page faults.
namespace msd {

// A shared library that is loaded when it is needed, from where the linker finds the others, and
// stays. May be used by several threads.
class late_library {
public:
    /// By the name that says its binary interface, such as libm.so.6. Not copied.
    constexpr explicit late_library(const char* soname) : soname_{soname} {}

    /// errc::unavailable: it is not there, or cannot be used; the text names it and says why.
    [[nodiscard]] result<void> load();

    /// Never null. Throws std::runtime_error when the library cannot be loaded or has no such
    /// symbol.
    [[nodiscard]] void* symbol(const char* name);

private:
    const char* soname_;
    std::atomic<void*> handle_ = nullptr;
};

// The C function `name` of such a library, to be called like it. A call throws as
// late_library::symbol() does.
template <class Function>
class late_function;

template <class Result, class... Arguments>
class late_function<Result(Arguments...)> {
public:
    constexpr late_function(late_library& library, const char* name)
        : library_{library},
          name_{name} {}

    Result operator()(Arguments... arguments) {
        auto* function = function_.load(std::memory_order_acquire);
        if (function == nullptr) {
            function = reinterpret_cast<Result (*)(Arguments...)>(library_.symbol(name_));
            function_.store(function, std::memory_order_release);
        }
        return function(arguments...);
    }

private:
    late_library& library_;
    const char* name_;
    std::atomic<Result (*)(Arguments...)> function_ = nullptr;
};

} // namespace msd

/// Declares `name` in the present namespace to stand for the function that a header of `library`
/// declares as ::name.
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name has none
#define MSD_LATE_FUNCTION(library, name)                                                           \
    constinit ::msd::late_function<decltype(::name)> name {                                        \
        library, #name                                                                             \
    }
// NOLINTEND(bugprone-macro-parentheses)
