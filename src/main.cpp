// SPDX-License-Identifier: Apache-2.0
#include "app/app.hpp"

int main(int argc, char** argv) {
    return msd::app::run(argc, argv);
}
