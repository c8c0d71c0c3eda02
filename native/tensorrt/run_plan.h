#pragma once

#include <vector>

#include "engine.h"
#include "graphs.h"

namespace clip::tensorrt {

/// What a run does, decided before anything is copied.
struct RunPlan {
  std::vector<const Feed*> feeds;  // in the order of the engine's inputs
  int64_t rows;
  int64_t padded;
  size_t profile;
  std::vector<Shape> shapes;     // of the inputs, padded
  std::vector<bool> normalised;  // input by input, whether the device makes planes of the feed's pixels
  Graphs::Key key;

  /// Bytes of one row of an input's feed.
  size_t row_bytes(size_t input) const { return row_elements(shapes[input]) * bytes_of(feeds[input]->element); }
  /// `[8, 77] and [8]`.
  std::string text() const;
};

/// Whether the input may be CLIP's normalised planes: float32 [rows, 3, height, width]. Such a one takes bytes
/// [rows, height, width, 3] too, which the device is to normalise.
bool takes_planes(const Binding& input);

/// @param buckets whether rows are padded to a size that comes again
/// @throws Fault `shape` where no profile takes the feeds, `failed` where they are not those of the engine
RunPlan plan_run(const Engine& engine, const std::vector<Feed>& feeds, bool buckets);

}  // namespace clip::tensorrt
