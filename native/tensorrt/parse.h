#pragma once

#include <string>

#include "library.h"
#include "messages.h"

namespace clip::tensorrt {

/// Fills the network with an ONNX file, whose external data is found from its folder.
/// @throws Fault `failed` with node, operator and the parser's words of each error; `memory`
void parse_onnx(const Library& library, const std::string& path, nvinfer1::INetworkDefinition& network,
                const Listener& heard, const ErrorRecorder& recorded);

}  // namespace clip::tensorrt
