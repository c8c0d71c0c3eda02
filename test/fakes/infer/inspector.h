#pragma once

#include "plan.h"

namespace fakes::infer {

/// The names of the layers in the form of the real inspector's JSON.
class Inspector final : public IEngineInspector, public nvinfer1::apiv::VEngineInspectorStub {
 public:
  Inspector(Object& engine, const std::shared_ptr<const Plan>& plan) : object_("inspector", &engine) {
    mImpl = this;
    text_ = "{\"Layers\": [";
    for (const std::string& layer : plan->layers) text_ += (text_.back() == '[' ? "" : ", ") + quoted(layer);
    text_ += "], \"Bindings\": [";
    for (const Port& port : plan->ports) text_ += (text_.back() == '[' ? "" : ", ") + quoted(port.name);
    text_ += "]}";
  }
  IEngineInspector* getPImpl() noexcept override { return this; }
  const char* getEngineInformation(LayerInformationFormat) const noexcept override { return text_.c_str(); }
  bool setExecutionContext(const IExecutionContext*) noexcept override { return true; }
  void setErrorRecorder(IErrorRecorder*) noexcept override {}

 private:
  static std::string quoted(const std::string& text) {
    std::string whole = "\"";
    for (const char character : text) whole += character == '"' || character == '\\' ? '_' : character;
    return whole + '"';
  }

  Object object_;
  std::string text_;
};

}  // namespace fakes::infer
