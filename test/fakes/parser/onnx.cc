#include "onnx.h"

#include <functional>
#include <set>
#include <stdexcept>
#include <string_view>

namespace fakes::parser {
namespace {

using View = std::string_view;

[[noreturn]] void broken() { throw std::runtime_error("Failed to parse ONNX model: not a ModelProto"); }

uint64_t varint(View& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) broken();
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (!(byte & 0x80)) return value;
  }
  broken();
}

View take(View& bytes, uint64_t count) {
  if (count > bytes.size()) broken();
  const View part = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return part;
}

/// Calls for each field with its number, and its bytes or its integer.
void fields(View bytes, const std::function<void(uint64_t number, View part, uint64_t integer)>& each) {
  while (!bytes.empty()) {
    const uint64_t key = varint(bytes);
    switch (key & 7) {
      case 0: each(key >> 3, {}, varint(bytes)); break;
      case 1: each(key >> 3, take(bytes, 8), 0); break;
      case 2: each(key >> 3, take(bytes, varint(bytes)), 0); break;
      case 5: each(key >> 3, take(bytes, 4), 0); break;
      default: broken();
    }
  }
}

int64_t read_dimension(View bytes) {
  int64_t size = -1;
  fields(bytes, [&](uint64_t number, View, uint64_t integer) {
    if (number == 1) size = static_cast<int64_t>(integer);
  });
  return size;
}

/// TypeProto: tensor_type 1 → elem_type 1, shape 2 → dim 1.
void read_type(View bytes, Value& value) {
  fields(bytes, [&](uint64_t type, View tensor, uint64_t) {
    if (type != 1) return;
    fields(tensor, [&](uint64_t number, View shape, uint64_t integer) {
      if (number == 1) value.type = static_cast<int64_t>(integer);
      if (number != 2) return;
      fields(shape, [&](uint64_t, View dimension, uint64_t) { value.shape.push_back(read_dimension(dimension)); });
    });
  });
}

Value read_value(View bytes) {
  Value value{};
  fields(bytes, [&](uint64_t number, View part, uint64_t) {
    if (number == 1) value.name = part;
    if (number == 2) read_type(part, value);
  });
  return value;
}

Node read_node(View bytes) {
  Node node;
  fields(bytes, [&](uint64_t number, View part, uint64_t) {
    if (number == 3) node.name = part;
    if (number == 4) node.op = part;
  });
  return node;
}

/// The initializer's name; where its bytes are in another file, that file too.
std::string read_initializer(View bytes, std::vector<External>& externals) {
  std::string name, location;
  fields(bytes, [&](uint64_t number, View part, uint64_t) {
    if (number == 8) name = part;
    if (number != 13) return;
    View key, value;
    fields(part, [&](uint64_t entry, View text, uint64_t) { (entry == 1 ? key : value) = text; });
    if (key == "location") location = value;
  });
  if (!location.empty()) externals.push_back({name, location});
  return name;
}

void read_graph(View bytes, Model& model) {
  std::set<std::string> initializers;
  fields(bytes, [&](uint64_t number, View part, uint64_t) {
    if (number == 1) model.nodes.push_back(read_node(part));
    if (number == 5) initializers.insert(read_initializer(part, model.externals));
    if (number == 11) model.inputs.push_back(read_value(part));
    if (number == 12) model.outputs.push_back(read_value(part));
  });
  std::erase_if(model.inputs, [&](const Value& input) { return initializers.contains(input.name); });
}

}  // namespace

Model read_model(const std::string& bytes) {
  Model model;
  bool found = false;
  fields(bytes, [&](uint64_t number, View part, uint64_t) {
    if (number != 7) return;
    read_graph(part, model);
    found = true;
  });
  if (!found) broken();
  return model;
}

}  // namespace fakes::parser
