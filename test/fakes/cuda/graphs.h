#pragma once

#include "streams.h"

namespace fakes::cuda {

/// A handle for cuGraphInstantiate and cuGraphDestroy.
void* new_graph(std::vector<Operation> operations);

}  // namespace fakes::cuda
