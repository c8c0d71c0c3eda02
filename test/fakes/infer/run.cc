#include "run.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "driver.h"

namespace fakes::infer {
namespace {

constexpr int kIllegalAddress = 700;

std::atomic<long long>& executions() {
  static std::atomic<long long> count{0};
  return count;
}

template <typename Element>
double sum_of(const char* row, long long count) {
  double sum = 0;
  for (long long i = 0; i < count; i++) {
    Element value;
    std::memcpy(&value, row + static_cast<size_t>(i) * sizeof value, sizeof value);
    sum += static_cast<double>(value);
  }
  return sum;
}

double sum_of(DataType type, const char* row, long long count) {
  switch (type) {
    case DataType::kUINT8: return sum_of<unsigned char>(row, count);
    case DataType::kINT32: return sum_of<int32_t>(row, count);
    case DataType::kINT64: return sum_of<int64_t>(row, count);
    default: return sum_of<float>(row, count);
  }
}

std::vector<float> sums(const Bound& input, const char* memory) {
  const long long rows = input.shape.nbDims > 0 ? input.shape.d[0] : 1;
  const long long count = rows > 0 ? elements(input.shape) / rows : 0;
  std::vector<float> all;
  for (long long row = 0; row < rows; row++) {
    const char* start = memory + static_cast<size_t>(row * count) * bytes_of(input.port->type);
    all.push_back(static_cast<float>(sum_of(input.port->type, start, count)));
  }
  return all;
}

/// What the knobs make of a component.
float spoiled(float value, size_t column, long long execution) {
  if (reached("FAKE_NAN", execution)) return std::nanf("");
  const auto offset = static_cast<float>(knob("FAKE_OFFSET"));
  if (offset == 0 || execution <= knob("FAKE_OFFSET_AFTER")) return value;
  return column % 2 ? value - offset : value + offset;
}

void write(const Bound& output, char* memory, const std::vector<float>& rows, long long execution) {
  const size_t width = rows.empty() ? 0 : static_cast<size_t>(elements(output.shape)) / rows.size();
  for (size_t row = 0; row < rows.size(); row++)
    for (size_t column = 0; column < width; column++) {
      const float value = spoiled(rows[row] + static_cast<float>(column), column, execution);
      std::memcpy(memory + (row * width + column) * sizeof value, &value, sizeof value);
    }
}

/// Writes to the whole of the context's memory, as layers would; whether nobody else did meanwhile is for `holds` to
/// say.
void mark(char* scratch, size_t bytes, long long execution) {
  std::memset(scratch, static_cast<int>(execution % 251), bytes);
}

bool holds(const char* scratch, size_t bytes, long long execution) {
  for (size_t i = 0; i < bytes; i++)
    if (static_cast<unsigned char>(scratch[i]) != execution % 251) return false;
  return true;
}

void illegal(const std::string& why) {
  blame(why);
  Driver::get().make_sticky(kIllegalAddress);
}

void require_alive(const Run& run) {
  if (!run.context->alive) illegal("a context was deleted before its work was done");
}

void compute(const Run& run, char* scratch, long long execution) {
  const Driver& driver = Driver::get();
  mark(scratch, run.scratch_bytes, execution);
  std::vector<float> rows;
  for (const Bound& input : run.inputs) {
    const auto* memory = static_cast<const char*>(driver.resolve(input.address, input.bytes()));
    if (!memory)
      return illegal("input " + input.port->name + " of shape " + words(input.shape) +
                     " is not within memory of the device");
    if (&input == &run.inputs.front()) rows = sums(input, memory);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(knob("FAKE_ENQUEUE_US")));
  for (const Bound& output : run.outputs) {
    auto* memory = static_cast<char*>(driver.resolve(output.address, output.bytes()));
    if (!memory)
      return illegal("output " + output.port->name + " of shape " + words(output.shape) +
                     " is not within memory of the device");
    write(output, memory, rows, execution);
  }
  require_alive(run);
  if (!holds(scratch, run.scratch_bytes, execution)) illegal("two contexts used the same device memory at once");
}

}  // namespace

void hang() {
  for (;;) pause();
}

void execute(void* data) {
  const Run& run = *static_cast<const Run*>(data);
  const long long execution = ++executions();
  note("run " + words(run.inputs.front().shape));
  if (reached("FAKE_HANG", execution)) hang();
  if (reached("FAKE_STICKY", execution))
    return Driver::get().make_sticky(static_cast<int>(knob("FAKE_STICKY_CODE", kIllegalAddress)));
  require_alive(run);
  if (run.context->running.exchange(true)) return illegal("a context runs on two streams at once");
  static char none;
  auto* scratch =
      run.scratch_bytes == 0 ? &none : static_cast<char*>(Driver::get().resolve(run.scratch, run.scratch_bytes));
  if (scratch)
    compute(run, scratch, execution);
  else
    illegal("the context's device memory is not there");
  run.context->running = false;
}

}  // namespace fakes::infer
