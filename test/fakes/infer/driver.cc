#include "driver.h"

#include <dlfcn.h>

#include "../knobs.h"

namespace fakes::infer {
namespace {

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool load(Driver& driver) {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  return library && find(library, "cuInit", driver.init) &&
         find(library, "cuCtxGetCurrent", driver.context_get_current) &&
         find(library, "cuMemAlloc_v2", driver.memory_allocate) && find(library, "cuMemFree_v2", driver.memory_free) &&
         find(library, "cuStreamIsCapturing", driver.stream_is_capturing) &&
         find(library, "fake_cuda_enqueue", driver.enqueue) && find(library, "fake_cuda_resolve", driver.resolve) &&
         find(library, "fake_cuda_make_sticky", driver.make_sticky);
}

struct Loaded {
  Driver driver{};
  bool found = load(driver);
};

Loaded& loaded() {
  static Loaded once;
  return once;
}

}  // namespace

const Driver* Driver::open() { return loaded().found && loaded().driver.init(0) == 0 ? &loaded().driver : nullptr; }

const Driver& Driver::get() { return loaded().driver; }

}  // namespace fakes::infer
