#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace clip::tensorrt {

using Shape = std::vector<int64_t>;

enum class Element { float32, int32, int64, uint8 };

constexpr size_t bytes_of(Element element) {
  switch (element) {
    case Element::int64: return 8;
    case Element::uint8: return 1;
    default: return 4;
  }
}

/// The name in `ElementType` of src/model/tower.ts.
constexpr const char* name_of(Element element) {
  switch (element) {
    case Element::int32: return "int32";
    case Element::int64: return "int64";
    case Element::uint8: return "uint8";
    default: return "float32";
  }
}

/// An input or output of an engine; -1 is a dynamic dimension.
struct Binding {
  std::string name;
  bool is_input;
  Element element;
  Shape shape;
};

/// What one run gives an input: pieces that follow each other, lent until the run is done.
struct Feed {
  struct Piece {
    const void* data;
    size_t bytes;
  };

  std::string name;
  Element element;
  Shape shape;
  std::vector<Piece> pieces;
};

/// `[64, 77]`.
inline std::string text_of(const Shape& shape) {
  std::string text = "[";
  for (const int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

/// Elements of one row: the product of all dimensions but the first.
inline size_t row_elements(const Shape& shape) {
  size_t elements = 1;
  for (size_t axis = 1; axis < shape.size(); axis++) elements *= static_cast<size_t>(shape[axis]);
  return elements;
}

}  // namespace clip::tensorrt
