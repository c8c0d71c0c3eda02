#pragma once

namespace clip::tensorrt {

/// The kernels compiled for one architecture, in this module's read-only data.
struct Image {
  const char* name;  ///< `sm_80`: machine code; `compute_75`: PTX, which the driver compiles
  int major, minor;  ///< compute capability that it is compiled for
  bool portable;     ///< PTX: for any newer device; machine code only for those of the same major
  const void* data;
};

/// What a device of this compute capability runs; null where it is older than all.
const Image* image_for(int major, int minor);

}  // namespace clip::tensorrt
