// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <utility>

namespace msd {

// Adds an entry to a list and removes it when this object is destroyed.
template <class T>
class enlisted {
public:
    enlisted(std::list<T>& list, T entry)
        : list_{list},
          place_{list.insert(list.end(), std::move(entry))} {}
    ~enlisted() { list_.erase(place_); }
    enlisted(const enlisted&) = delete;
    enlisted& operator=(const enlisted&) = delete;

private:
    std::list<T>& list_;
    typename std::list<T>::iterator place_;
};

} // namespace msd
