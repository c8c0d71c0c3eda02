#include "network.h"

namespace fakes::infer {

Network::Network(Object& builder, IBuilder& owner, const Voice& voice, NetworkDefinitionCreationFlags flags)
    : object_("network", &builder), builder_(owner), voice_(voice.logger(), voice.recorder()), flags_(flags) {
  mImpl = this;
#if NV_TENSORRT_MAJOR == 10
  // 11 has strong typing always.
  if (!getFlag(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED))
    blame("a network that is not strongly typed: its precision would be the library's choice");
#endif
}

ITensor* Network::addInput(const char* name, DataType type, const Dims& shape) noexcept {
  inputs_.push_back(std::make_unique<Tensor>(name, type, shape, true));
  return inputs_.back().get();
}

void Network::add_output(const char* name, DataType type, const Dims& shape) {
  outputs_.push_back(std::make_unique<Tensor>(name, type, shape, false));
}

}  // namespace fakes::infer

extern "C" {

/// The fake parser's way into the network.
void fake_network_add_output(nvinfer1::INetworkDefinition* network, const char* name, nvinfer1::DataType type,
                             const nvinfer1::Dims* shape) {
  static_cast<fakes::infer::Network*>(network)->add_output(name, type, *shape);
}

void fake_network_add_layer(nvinfer1::INetworkDefinition* network, const char* name) {
  static_cast<fakes::infer::Network*>(network)->add_layer(name);
}
}
