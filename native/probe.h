#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clip {

/// A shared library as the loader found it; either `error` is empty or the rest is.
struct Library {
  std::string path;   ///< the file that was mapped
  int version = 0;    ///< what its version function says; 0 where none was asked for
  std::string error;  ///< the loader's own words
};

/// Loads the library as the loader finds it, or by its path, and calls `int version_function()`, the only one that is called
/// in it; '' calls none. It stays loaded. A broken library may end the process.
Library probe_library(const std::string& name, const std::string& version_function);

struct Gpu {
  std::string name;
  int major;  ///< of its compute capability
  int minor;
  uint64_t bytes;  ///< of its memory
};

/// What CUDA's driver says of itself.
struct Driver {
  Library library;    ///< libcuda; of `version` 12040 is CUDA 12.4, the newest that it can serve; 0 where it doesn't say
  std::string error;  ///< of the first call that failed, in the driver's words
  std::vector<Gpu> gpus;
};

/// Loads libcuda and asks it for its GPUs. A broken driver may hang or end the process.
Driver probe_driver();

}  // namespace clip
