// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <type_traits>
#include <utility>

// What the instrumented sources of scripts/mutate call. All mutants are in one program; the
// variable MSD_MUTANT chooses the one that is active, 0 or nothing the original. In a constant
// expression no mutant is active: those are compiled one by one.
namespace msd_mutation {

inline int active() {
    static const int chosen = [] {
        const char* const number = std::getenv("MSD_MUTANT");
        return number == nullptr ? 0 : std::atoi(number);
    }();
    return chosen;
}

constexpr bool is(int mutant) {
    return !std::is_constant_evaluated() && active() == mutant;
}

constexpr bool flip(int mutant, bool truth) {
    return is(mutant) ? !truth : truth;
}

template <class T>
constexpr T number(int mutant, T original) {
    if constexpr (std::is_same_v<T, bool>) {
        return is(mutant) ? !original : original;
    } else {
        return is(mutant) ? static_cast<T>(original + 1) : original;
    }
}

// Never a constant expression, so that a constant that was constexpr is initialized at run time.
template <class T>
T variable(int mutant, T original) {
    return active() == mutant ? number(mutant, original) : original;
}

// A mutant that would not compile: the program ends at its start with this status.
constexpr int invalid_status = 125;

template <int Mutant>
inline const bool is_refused = active() == Mutant && (std::_Exit(invalid_status), true);

template <int Mutant>
constexpr void refuse() {
    if (!std::is_constant_evaluated()) {
        (void)&is_refused<Mutant>;
    }
}

// `a < b` is written `a < op<N>{} < b`: equal precedence, so no operand has to be found.
template <int Mutant>
struct op {};

template <int Mutant, class L>
struct left {
    const L& operand;
};

#define MSD_MUTATION_OPERATOR(original, mutated)                                                   \
    template <int Mutant, class L>                                                                 \
    constexpr left<Mutant, L> operator original(const L& operand, op<Mutant>) {                    \
        return {operand};                                                                          \
    }                                                                                              \
    template <int Mutant, class L, class R>                                                        \
    constexpr auto operator original(left<Mutant, L> l, const R& r) {                              \
        using value = std::decay_t<decltype(l.operand original r)>;                                \
        if constexpr (requires { static_cast<value>(l.operand mutated r); }) {                     \
            if (is(Mutant)) {                                                                      \
                return static_cast<value>(l.operand mutated r);                                    \
            }                                                                                      \
        } else if constexpr (requires { static_cast<value>(l.operand); }) {                        \
            /* For example of texts, which can be added only: the right one is left out. */        \
            if (is(Mutant)) {                                                                      \
                return static_cast<value>(l.operand);                                              \
            }                                                                                      \
        } else {                                                                                   \
            refuse<Mutant>();                                                                      \
        }                                                                                          \
        return static_cast<value>(l.operand original r);                                           \
    }

MSD_MUTATION_OPERATOR(<, <=)
MSD_MUTATION_OPERATOR(<=, <)
MSD_MUTATION_OPERATOR(>, >=)
MSD_MUTATION_OPERATOR(>=, >)
MSD_MUTATION_OPERATOR(==, !=)
MSD_MUTATION_OPERATOR(!=, ==)
MSD_MUTATION_OPERATOR(+, -)
MSD_MUTATION_OPERATOR(-, +)
MSD_MUTATION_OPERATOR(*, +)
MSD_MUTATION_OPERATOR(/, *)
MSD_MUTATION_OPERATOR(%, *)

#undef MSD_MUTATION_OPERATOR

} // namespace msd_mutation
