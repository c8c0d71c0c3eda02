#include "parse.h"

#include <algorithm>

namespace clip::tensorrt {
namespace {

/// Errors of which a message tells; a file that is no ONNX at all may have thousands.
constexpr int kErrors = 8;

const char* words_of(nvonnxparser::ErrorCode code) {
  using Code = nvonnxparser::ErrorCode;
  switch (code) {
    case Code::kMEM_ALLOC_FAILED: return "out of memory";
    case Code::kMODEL_DESERIALIZE_FAILED: return "not readable as ONNX";
    case Code::kINVALID_VALUE: return "invalid value";
    case Code::kINVALID_GRAPH: return "invalid graph";
    case Code::kINVALID_NODE: return "invalid node";
    case Code::kUNSUPPORTED_GRAPH: return "unsupported graph";
    case Code::kUNSUPPORTED_NODE: return "unsupported node";
    case Code::kUNSUPPORTED_NODE_ATTR: return "unsupported attribute";
    case Code::kUNSUPPORTED_NODE_INPUT: return "unsupported input";
    case Code::kUNSUPPORTED_NODE_DATATYPE: return "unsupported type";
    case Code::kUNSUPPORTED_NODE_DYNAMIC: return "unsupported dynamic shape";
    case Code::kUNSUPPORTED_NODE_SHAPE: return "unsupported shape";
    default: return "internal error";
  }
}

std::string text_of(const char* text) { return text ? text : ""; }

/// From `node 12 "/visual/Gelu" (Gelu): unsupported node: `, with what is known of the node.
Reason describe(const nvonnxparser::IParserError& error) {
  std::string text;
  const std::string name = text_of(error.nodeName()), type = text_of(error.nodeOperator());
  if (error.node() >= 0) text += " " + std::to_string(error.node());
  if (!name.empty()) text += " \"" + name + '"';
  if (!type.empty()) text += " (" + type + ')';
  if (!text.empty()) text = "node" + text + ": ";
  return {text + words_of(error.code()) + ": ", text_of(error.desc())};
}

}  // namespace

void parse_onnx(const Library& library, const std::string& path, nvinfer1::INetworkDefinition& network,
                const Listener& heard, const ErrorRecorder& recorded) {
  const auto parser = library.create_parser(network);
  // Messages are chosen by the logger, whatever severity is asked for here.
  if (parser->parseFromFile(path.c_str(), static_cast<int>(nvinfer1::ILogger::Severity::kWARNING))) return;
  std::vector<Reason> reasons;
  const int count = std::min(parser->getNbErrors(), kErrors);
  for (int i = 0; i < count; i++)
    if (const auto* error = parser->getError(i)) reasons.push_back(describe(*error));
  throw explain("TensorRT's parser does not take " + path, heard, recorded, FaultCode::failed, reasons);
}

}  // namespace clip::tensorrt
