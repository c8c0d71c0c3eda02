#pragma once

#include <map>
#include <string>
#include <vector>

#include "object.h"

namespace fakes::infer {

struct Port {
  std::string name;
  bool input;
  DataType type;
  Dims shape;  // -1 is dynamic
};

struct Range {
  Dims min, opt, max;
};

/// Input's name → its shapes.
using Profile = std::map<std::string, Range>;

struct Plan {
  std::vector<Port> ports;
  /// One without ranges where no dimension is dynamic.
  std::vector<Profile> profiles;
  std::vector<std::string> layers;
  /// Of the context's device memory, for each row that a profile allows.
  long long scratch_per_row;

  const Port* find(const std::string& name) const;
  /// Most rows of the first input.
  long long rows(size_t profile) const;
};

/// TensorRT's header (28 bytes: tag, version at 24 … 27), what Plan has, a checksum, and FAKE_PLAN_PADDING bytes.
std::vector<char> serialize(const Plan& plan);
/// False, and why, for what this library did not write.
bool deserialize(const char* bytes, size_t size, Plan& plan, std::string& why);

long long elements(const Dims& shape);
size_t bytes_of(DataType type);
/// `(2,77)`.
std::string words(const Dims& shape);

}  // namespace fakes::infer
