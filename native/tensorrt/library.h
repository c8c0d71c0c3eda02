#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "messages.h"
#include "nvinfer.h"

#include <NvOnnxParser.h>

namespace clip::tensorrt {

class Driver;

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  std::optional<int> build;  ///< absent where the library doesn't say

  /// As NV_TENSORRT_VERSION counts: 101501 is 10.15.1.
  int number() const { return major * 10000 + minor * 100 + patch; }
  /// `10.15.1.29`.
  std::string text() const;
};

/// libnvinfer and, where it is there, libnvonnxparser, loaded for good and fit to be called: of the major of this module's
/// headers, 10.3 or newer, and not 10.8, whose network interface has other slots than the rest of 10.x.
///
/// Only slots that 10.3 has may be called. Whatever is newer goes behind `has`, for a virtual that the library lacks is
/// undefined behaviour: new overloads of old names too (addTopK with a type, buildSerializedNetwork with a kernel's text,
/// createExecutionContext with a run-time configuration), enum values and flags as well.
class Library {
 public:
  /// What to load: a path, or a name for the loader to find. An empty parser is none: plans run, but can't be built.
  struct Names {
    std::string infer;
    std::string parser;
  };

  /// `driver` proves that a driver and a device are there: without them TensorRT 10.6 ends the process in its factories.
  /// @throws Fault `unsupported` with the loader's words or the version found and those wanted
  static std::shared_ptr<const Library> open(const Driver& driver, const Names& names);

  const Version& version() const { return version_; }
  /// Of the headers that this module was compiled with, build number included.
  static Version headers();
  /// Whether the library is at least this version: 101300 is 10.13.
  bool has(int number) const { return version_.number() >= number; }

  /// The factories want the device's primary context current on the thread, and give what is theirs to delete: nothing is
  /// null. All log to Logger::of_process().
  /// @throws Fault `unsupported` where a factory gives nothing, with the log's errors
  std::unique_ptr<nvinfer1::IRuntime> create_runtime() const;
  /// @throws Fault `unsupported` without a parser: the library could build, but not from ONNX
  std::unique_ptr<nvinfer1::IBuilder> create_builder() const;
  /// Fills the network, which has to outlive it and is of this library's builder.
  std::unique_ptr<nvonnxparser::IParser> create_parser(nvinfer1::INetworkDefinition& network) const;

 private:
  using Factory = void*(void* logger, int32_t version);
  using ParserFactory = void*(void* network, void* logger, int version);

  Library() = default;
  /// Leaves the reason in no_parser_ where there is none.
  void find_parser(const std::string& name);

  Version version_;
  Factory* create_runtime_ = nullptr;
  Factory* create_builder_ = nullptr;
  ParserFactory* create_parser_ = nullptr;
  std::string no_parser_;  ///< why create_parser_ is null
  std::string old_driver_;  ///< what to say where the driver is too old for this library
};

}  // namespace clip::tensorrt
