#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clip::tensorrt {
class Device;
class Library;
}  // namespace clip::tensorrt

namespace life {

using Bytes = std::vector<uint8_t>;

/// Columns that the plan's profiles take, and rows.
constexpr int64_t kColumns[] = {16, 77};
constexpr int64_t kMostRows = 12;

/// A plan of the text tower at `path`, int32 ids [rows, columns], with a profile for each of kColumns.
Bytes build_plan(const clip::tensorrt::Library& library, clip::tensorrt::Device& device, const std::string& path);
/// Ends the process unless a build that is cancelled at its first step says so.
void cancel_build(const clip::tensorrt::Library& library, clip::tensorrt::Device& device, const std::string& path);

}  // namespace life
