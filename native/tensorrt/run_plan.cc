#include "run_plan.h"

#include <algorithm>

namespace clip::tensorrt {
namespace {

[[noreturn]] void refuse(const Feed& feed, const std::string& expected, const std::string& got) {
  throw Fault(FaultCode::failed, "feed " + feed.name + ": " + expected + " expected, got " + got);
}

bool is_rgb(const Binding& input, const Feed& feed) {
  return takes_planes(input) && feed.element == Element::uint8 && feed.shape.size() == 4 && feed.shape[3] == 3;
}

/// What the feed is once it is in the input.
Shape shape_in(const Binding& input, const Feed& feed) {
  const Shape& shape = feed.shape;
  return is_rgb(input, feed) ? Shape{shape[0], 3, shape[1], shape[2]} : shape;
}

const Feed& find_feed(const std::vector<Feed>& feeds, const Binding& input) {
  const auto found = std::find_if(feeds.begin(), feeds.end(), [&](const Feed& one) { return one.name == input.name; });
  if (found == feeds.end()) throw Fault(FaultCode::failed, "feed " + input.name + " is missing");
  if (found->element != input.element && !is_rgb(input, *found))
    refuse(*found, name_of(input.element), name_of(found->element));
  if (found->shape.size() != input.shape.size())
    refuse(*found, std::to_string(input.shape.size()) + " dimensions", text_of(found->shape));
  return *found;
}

/// Once a profile takes its shape: its sides are small then.
void require_bytes(const Feed& feed, size_t bytes) {
  size_t given = 0;
  for (const Feed::Piece& piece : feed.pieces) given += piece.bytes;
  if (given != bytes) refuse(feed, std::to_string(bytes) + " bytes for " + text_of(feed.shape), std::to_string(given));
}

}  // namespace

bool takes_planes(const Binding& input) {
  return input.element == Element::float32 && input.shape.size() == 4 && input.shape[1] == 3;
}

std::string RunPlan::text() const {
  std::string text;
  for (const Shape& shape : shapes) text += (text.empty() ? "" : " and ") + text_of(shape);
  return text;
}

RunPlan plan_run(const Engine& engine, const std::vector<Feed>& feeds, bool buckets) {
  RunPlan run{};
  for (const Binding& input : engine.inputs()) {
    const Feed& feed = find_feed(feeds, input);
    run.feeds.push_back(&feed);
    run.shapes.push_back(shape_in(input, feed));
    run.normalised.push_back(is_rgb(input, feed));
    if (feed.shape[0] != run.shapes[0][0])
      refuse(feed, std::to_string(run.shapes[0][0]) + " rows, as of " + run.feeds[0]->name + ",", text_of(feed.shape));
  }
  if (feeds.size() != run.feeds.size())
    throw Fault(FaultCode::failed, std::to_string(run.feeds.size()) + " feeds expected, got " + std::to_string(feeds.size()));
  const Choice choice = choose_profile(engine.profiles(), run.shapes, buckets);
  run.rows = run.shapes[0][0];
  run.padded = choice.rows;
  run.profile = choice.profile;
  run.key.push_back(static_cast<int64_t>(choice.profile));
  for (size_t input = 0; input < run.feeds.size(); input++) {
    Shape& shape = run.shapes[input];
    shape[0] = run.padded;
    run.key.insert(run.key.end(), shape.begin(), shape.end());
    require_bytes(*run.feeds[input], static_cast<size_t>(run.rows) * run.row_bytes(input));
  }
  return run;
}

}  // namespace clip::tensorrt
