#pragma once

#include <tensorrt/context.h>

#include <memory>
#include <random>

#include "building.h"

namespace life {

/// What all cycles share.
struct House {
  std::shared_ptr<const clip::tensorrt::Driver> driver;
  std::shared_ptr<const clip::tensorrt::Library> library;
  Bytes plan;
};

using Random = std::minstd_rand;

/// Runs `rows` of random ids, of a number of columns that one of the profiles takes, and proves each component.
void run_checked(clip::tensorrt::Context& context, int64_t rows, Random& random);

/// Creates an engine where none is given, two contexts on it, one of them with its thread, runs both at the same time,
/// asks for what no profile takes, and disposes of all in an order that `random` chooses.
void cycle(const House& house, const std::shared_ptr<clip::tensorrt::Device>& device,
           std::shared_ptr<clip::tensorrt::Engine> engine, Random& random);

}  // namespace life
