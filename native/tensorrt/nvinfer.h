/// TensorRT's interface: the only way to it in this folder, so that what breaks its binary form is refused for all.
#pragma once

#ifdef ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION
#error "ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION puts a function into TensorRT's interfaces that its libraries do not have"
#endif

#include <NvInfer.h>

#if NV_TENSORRT_MAJOR != CLIP_TENSORRT_MAJOR
#error "these headers are of another major of TensorRT than the module that is compiled"
#endif
