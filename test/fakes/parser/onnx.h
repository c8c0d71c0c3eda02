#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fakes::parser {

struct Value {
  std::string name;
  int64_t type;                // TensorProto.DataType
  std::vector<int64_t> shape;  // -1 where a name or nothing stands
};

struct Node {
  std::string name, op;
};

struct External {
  std::string tensor, location;
};

/// What the fake reads of an ONNX file. Inputs that are initializers are left out.
struct Model {
  std::vector<Value> inputs, outputs;
  std::vector<Node> nodes;
  std::vector<External> externals;
};

/// @throws std::runtime_error where the bytes are no model
Model read_model(const std::string& bytes);

}  // namespace fakes::parser
