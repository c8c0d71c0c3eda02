#pragma once

#include <optional>
#include <vector>

#include "tensor.h"

namespace clip::tensorrt {

/// Shapes that an optimisation profile takes, input by input in the order of the engine's inputs. Axis 0 is the rows.
class EngineProfile {
 public:
  struct Range {
    Shape min, opt, max;
  };

  explicit EngineProfile(std::vector<Range> inputs) : inputs_(std::move(inputs)) {}

  int64_t max_rows() const { return inputs_.front().max.front(); }
  const std::vector<Range>& inputs() const { return inputs_; }

  /// Rows that a run with these shapes takes: padded to the least that the profile takes and, with `buckets`, to a bucket: a
  /// power of two, the middle between two of them, or the profile's most. That is at most a third more, and few enough shapes to
  /// keep a graph for each. Nothing where the profile does not take the shapes.
  std::optional<int64_t> rows_for(const std::vector<Shape>& shapes, bool buckets) const;

 private:
  bool takes_all_but_rows(const std::vector<Shape>& shapes) const;

  std::vector<Range> inputs_;
};

struct Choice {
  size_t profile;
  int64_t rows;  // padded
};

/// The profile with the fewest surplus rows, and among equals the one whose best rows are nearest.
/// @throws Fault `shape` where none takes the shapes
Choice choose_profile(const std::vector<EngineProfile>& profiles, const std::vector<Shape>& shapes, bool buckets);

}  // namespace clip::tensorrt
