#include "engine_profile.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "fault.h"

namespace clip::tensorrt {
namespace {

int64_t bucket_of(int64_t rows) {
  int64_t power = 1;
  while (power < rows) power *= 2;
  const int64_t middle = power / 4 * 3;
  return middle >= rows ? middle : power;
}

bool between(int64_t value, int64_t least, int64_t most) { return value >= least && value <= most; }

std::string text_of(const EngineProfile& profile) {
  std::string text;
  for (const EngineProfile::Range& range : profile.inputs()) {
    text += text.empty() ? "" : " and ";
    text += tensorrt::text_of(range.min) + " … " + tensorrt::text_of(range.max);
  }
  return text;
}

}  // namespace

bool EngineProfile::takes_all_but_rows(const std::vector<Shape>& shapes) const {
  for (size_t input = 0; input < inputs_.size(); input++) {
    const Range& range = inputs_[input];
    if (shapes[input].size() != range.max.size()) return false;
    for (size_t axis = 1; axis < range.max.size(); axis++)
      if (!between(shapes[input][axis], range.min[axis], range.max[axis])) return false;
  }
  return true;
}

std::optional<int64_t> EngineProfile::rows_for(const std::vector<Shape>& shapes, bool buckets) const {
  const int64_t rows = shapes.front().front(), least = inputs_.front().min.front();
  if (rows < 1 || rows > max_rows() || !takes_all_but_rows(shapes)) return std::nullopt;
  const int64_t wanted = buckets ? std::min(bucket_of(rows), max_rows()) : rows;
  return std::max(wanted, least);
}

Choice choose_profile(const std::vector<EngineProfile>& profiles, const std::vector<Shape>& shapes, bool buckets) {
  const int64_t rows = shapes.front().front();
  std::optional<std::tuple<int64_t, int64_t, size_t>> best;
  for (size_t index = 0; index < profiles.size(); index++) {
    const auto padded = profiles[index].rows_for(shapes, buckets);
    if (!padded) continue;
    const int64_t distance = std::abs(profiles[index].inputs().front().opt.front() - *padded);
    const std::tuple candidate(*padded - rows, distance, index);
    if (!best || candidate < *best) best = candidate;
  }
  if (best) return {std::get<2>(*best), rows + std::get<0>(*best)};
  std::string given, taken;
  for (const Shape& shape : shapes) given += (given.empty() ? "" : " and ") + text_of(shape);
  for (const EngineProfile& profile : profiles) taken += (taken.empty() ? "" : "; ") + text_of(profile);
  throw Fault(FaultCode::shape, "no profile takes " + given + ": the plan's take " + taken);
}

}  // namespace clip::tensorrt
