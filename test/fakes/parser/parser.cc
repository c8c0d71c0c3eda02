#include <NvOnnxParser.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "../knobs.h"
#include "onnx.h"
#include "parser-stubs.h"

extern "C" void fake_network_add_output(nvinfer1::INetworkDefinition* network, const char* name,
                                        nvinfer1::DataType type, const nvinfer1::Dims* shape);
extern "C" void fake_network_add_layer(nvinfer1::INetworkDefinition* network, const char* name);

namespace fakes::parser {
namespace {

using nvinfer1::DataType;
using nvinfer1::Dims;
using nvonnxparser::ErrorCode;

class Error final : public nvonnxparser::IParserErrorStub {
 public:
  Error(ErrorCode code, std::string text, int index, Node node)
      : code_(code), text_(std::move(text)), index_(index), node_(std::move(node)) {}
  ErrorCode code() const override { return code_; }
  const char* desc() const override { return text_.c_str(); }
  const char* file() const override { return "fake.cc"; }
  int line() const override { return 1; }
  const char* func() const override { return "parse"; }
  int node() const override { return index_; }
  const char* nodeName() const override { return node_.name.c_str(); }
  const char* nodeOperator() const override { return node_.op.c_str(); }
  const char* const* localFunctionStack() const override { return nullptr; }
  int32_t localFunctionStackSize() const override { return 0; }

 private:
  ErrorCode code_;
  std::string text_;
  int index_;
  Node node_;
};

DataType type_of(const Value& value) {
  switch (value.type) {
    case 1: return DataType::kFLOAT;
    case 2: return DataType::kUINT8;
    case 3: return DataType::kINT8;
    case 6: return DataType::kINT32;
    case 7: return DataType::kINT64;
    case 9: return DataType::kBOOL;
    case 10: return DataType::kHALF;
    case 16: return DataType::kBF16;
    default: throw std::runtime_error("Failed to convert ONNX date type: " + std::to_string(value.type));
  }
}

Dims shape_of(const Value& value) {
  Dims shape{};
  if (value.shape.size() > Dims::MAX_DIMS) throw std::runtime_error("too many dimensions: " + value.name);
  for (const int64_t size : value.shape) shape.d[shape.nbDims++] = size;
  return shape;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("Could not open file " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Any ONNX file's inputs and outputs; what lies between is counted, and not understood.
class Parser final : public nvonnxparser::IParserStub {
 public:
  Parser(nvinfer1::INetworkDefinition& network, nvinfer1::ILogger& logger) : network_(network), logger_(logger) {
    note("create parser");
  }
  ~Parser() override { note("destroy parser"); }

  bool parseFromFile(const char* path, int) noexcept override {
    try {
      const Model model = read_model(read_file(path));
      return check(model, path) && fill(model);
    } catch (const std::exception& error) {
      return fail(ErrorCode::kMODEL_DESERIALIZE_FAILED, error.what(), -1, {});
    }
  }
  int getNbErrors() const noexcept override { return static_cast<int>(errors_.size()); }
  const nvonnxparser::IParserError* getError(int index) const noexcept override {
    const auto place = static_cast<size_t>(index);
    return place < errors_.size() ? &errors_[place] : nullptr;
  }
  void clearErrors() noexcept override { errors_.clear(); }
  void setFlags(nvonnxparser::OnnxParserFlags flags) noexcept override { flags_ = flags; }
  nvonnxparser::OnnxParserFlags getFlags() const noexcept override { return flags_; }
  void setFlag(nvonnxparser::OnnxParserFlag flag) noexcept override { flags_ |= 1u << static_cast<unsigned>(flag); }
  void clearFlag(nvonnxparser::OnnxParserFlag flag) noexcept override {
    flags_ &= ~(1u << static_cast<unsigned>(flag));
  }
  bool getFlag(nvonnxparser::OnnxParserFlag flag) const noexcept override {
    return (flags_ >> static_cast<unsigned>(flag) & 1) != 0;
  }

 private:
  bool fail(ErrorCode code, const std::string& text, int index, const Node& node) {
    errors_.emplace_back(code, text, index, node);
    logger_.log(nvinfer1::ILogger::Severity::kERROR, ("ModelImporter.cpp: " + text).c_str());
    return false;
  }

  bool check(const Model& model, const std::string& path) {
    for (const External& external : model.externals) {
      const auto file = std::filesystem::path(path).parent_path() / external.location;
      if (!std::filesystem::exists(file))
        return fail(ErrorCode::kMODEL_DESERIALIZE_FAILED, "Failed to open file: " + file.string(), -1,
                    {external.tensor, "Initializer"});
    }
    const int last = static_cast<int>(model.nodes.size()) - 1;
    if (!knob("FAKE_PARSE_FAIL") || last < 0) return true;
    const Node& node = model.nodes[static_cast<size_t>(last)];
    return fail(ErrorCode::kUNSUPPORTED_NODE, "No importer registered for op: " + node.op, last, node);
  }

  bool fill(const Model& model) {
    for (const Value& input : model.inputs) network_.addInput(input.name.c_str(), type_of(input), shape_of(input));
    for (const Value& output : model.outputs) {
      const Dims shape = shape_of(output);
      fake_network_add_output(&network_, output.name.c_str(), type_of(output), &shape);
    }
    for (const Node& node : model.nodes) fake_network_add_layer(&network_, node.name.c_str());
    return true;
  }

  nvinfer1::INetworkDefinition& network_;
  nvinfer1::ILogger& logger_;
  nvonnxparser::OnnxParserFlags flags_ = 0;
  std::vector<Error> errors_;
};

}  // namespace
}  // namespace fakes::parser

extern "C" {

void* createNvOnnxParser_INTERNAL(void* network, void* logger, int) noexcept {
  if (!network) return nullptr;
  return static_cast<nvonnxparser::IParser*>(new fakes::parser::Parser(
      *static_cast<nvinfer1::INetworkDefinition*>(network), *static_cast<nvinfer1::ILogger*>(logger)));
}

int getNvOnnxParserVersion() noexcept { return NV_ONNX_PARSER_VERSION; }
}
