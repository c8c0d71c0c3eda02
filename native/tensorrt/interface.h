#pragma once
// TensorRT's interfaces as this module may use them: the only file that includes its headers.
#ifdef ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION
#error "ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION moves the slots of TensorRT's interfaces; the library is built without it"
#endif

#include <NvInfer.h>
#include <NvOnnxParser.h>

#if NV_TENSORRT_MAJOR != 10 && NV_TENSORRT_MAJOR != 11
#error "this module knows TensorRT 10 and 11"
#endif
