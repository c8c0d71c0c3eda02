// The module of one major of TensorRT as JavaScript sees it.

#include "javascript.h"
#include "nvinfer.h"

namespace {

std::string headers_version() {
  std::string version;
  for (const int part : {NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH, NV_TENSORRT_BUILD})
    version += (version.empty() ? "" : ".") + std::to_string(part);
  return version;
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  exports["headers"] = Napi::String::New(env, headers_version());
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, start)
