#pragma once

#include <memory>
#include <vector>

#include "object.h"

namespace fakes::infer {

class Tensor final : public ITensor, public nvinfer1::apiv::VTensorStub {
 public:
  Tensor(std::string name, DataType type, const Dims& shape, bool input)
      : name_(std::move(name)), type_(type), shape_(shape), input_(input) {
    mImpl = this;
  }
  void setName(const char* name) noexcept override { name_ = name; }
  const char* getName() const noexcept override { return name_.c_str(); }
  Dims getDimensions() const noexcept override { return shape_; }
  DataType getType() const noexcept override { return type_; }
  bool isNetworkInput() const noexcept override { return input_; }
  bool isNetworkOutput() const noexcept override { return !input_; }
  bool isShapeTensor() const noexcept override { return false; }
  bool isExecutionTensor() const noexcept override { return true; }
  TensorLocation getLocation() const noexcept override { return TensorLocation::kDEVICE; }

 private:
  std::string name_;
  DataType type_;
  Dims shape_;
  bool input_;
};

/// Inputs, outputs and the layers' names; a layer cannot be added but by the fake parser.
class Network final : public INetworkDefinition, public nvinfer1::apiv::VNetworkDefinitionStub {
 public:
  Network(Object& builder, IBuilder& owner, const Voice& voice, NetworkDefinitionCreationFlags flags);

  ITensor* addInput(const char* name, DataType type, const Dims& shape) noexcept override;
  int32_t getNbInputs() const noexcept override { return static_cast<int32_t>(inputs_.size()); }
  ITensor* getInput(int32_t index) const noexcept override { return at(inputs_, index); }
  int32_t getNbOutputs() const noexcept override { return static_cast<int32_t>(outputs_.size()); }
  ITensor* getOutput(int32_t index) const noexcept override { return at(outputs_, index); }
  int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(layers_.size()); }
  void setName(const char* name) noexcept override { name_ = name; }
  const char* getName() const noexcept override { return name_.c_str(); }
  bool hasImplicitBatchDimension() const noexcept override { return false; }
  NetworkDefinitionCreationFlags getFlags() const noexcept override { return flags_; }
  bool getFlag(NetworkDefinitionCreationFlag flag) const noexcept override {
    return (flags_ >> static_cast<uint32_t>(flag) & 1) != 0;
  }
  IBuilder& getBuilder() const noexcept override { return builder_; }
  void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.record(recorder); }
  IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder(); }

  /// For the fake parser: what real layers would end in.
  void add_output(const char* name, DataType type, const Dims& shape);
  void add_layer(std::string name) { layers_.push_back(std::move(name)); }
  const std::vector<std::string>& layers() const { return layers_; }

 private:
  using Tensors = std::vector<std::unique_ptr<Tensor>>;
  static ITensor* at(const Tensors& tensors, int32_t index) {
    const auto place = static_cast<size_t>(index);
    return place < tensors.size() ? tensors[place].get() : nullptr;
  }

  Object object_;
  IBuilder& builder_;
  Voice voice_;
  NetworkDefinitionCreationFlags flags_;
  std::string name_;
  Tensors inputs_, outputs_;
  std::vector<std::string> layers_;
};

}  // namespace fakes::infer
