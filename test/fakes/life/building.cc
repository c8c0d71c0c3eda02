#include "building.h"

#include <tensorrt/build.h>

#include "expect.h"

namespace life {
namespace {

using namespace clip::tensorrt;

BuildJob job_of(const std::string& path) {
  BuildJob job;
  job.path = path;
  job.workspace_bytes = 1 << 20;
  for (const int64_t columns : kColumns)
    job.profiles.push_back({{"input_ids", {{1, 1}, {4, columns}, {kMostRows, columns}}}});
  return job;
}

}  // namespace

Bytes build_plan(const Library& library, Device& device, const std::string& path) {
  const std::atomic<bool> cancelled{false};
  int steps = 0;
  const BuildHooks hooks{[&](const std::string&, int, int) { steps++; }, nullptr, cancelled};
  const BuiltPlan built = build(library, device, job_of(path), hooks);
  expect(steps > 0, "a build reports its progress");
  expect(built.layers.find("ReduceSum") != std::string::npos, "the layers have the nodes' names");
  const auto* bytes = static_cast<const uint8_t*>(built.plan->data());
  return {bytes, bytes + built.plan->size()};
}

void cancel_build(const Library& library, Device& device, const std::string& path) {
  std::atomic<bool> cancelled{false};
  const BuildHooks hooks{[&](const std::string&, int, int) { cancelled = true; }, nullptr, cancelled};
  expect_fault(FaultCode::cancelled, [&] { build(library, device, job_of(path), hooks); });
}

}  // namespace life
