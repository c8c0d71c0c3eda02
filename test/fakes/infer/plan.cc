#include "plan.h"

#include <algorithm>
#include <cstring>

namespace fakes::infer {
namespace {

constexpr uint32_t kTag = 0x74727466;
constexpr size_t kHeader = 28, kSizeAt = 8, kVersionAt = 24;

class Writer {
 public:
  std::vector<char> bytes = std::vector<char>(kHeader);
  void number(int64_t value) { append(&value, sizeof value); }
  void text(const std::string& value) {
    number(static_cast<int64_t>(value.size()));
    append(value.data(), value.size());
  }
  void shape(const Dims& dims) {
    number(dims.nbDims);
    for (int i = 0; i < dims.nbDims; i++) number(dims.d[i]);
  }

 private:
  void append(const void* from, size_t size) {
    const char* start = static_cast<const char*>(from);
    bytes.insert(bytes.end(), start, start + size);
  }
};

/// Reads what Writer wrote: the checksum was verified.
class Reader {
 public:
  explicit Reader(const char* at) : at_(at) {}
  int64_t number() {
    int64_t value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string text() {
    const auto size = static_cast<size_t>(number());
    at_ += size;
    return {at_ - size, size};
  }
  Dims shape() {
    Dims dims{};
    dims.nbDims = static_cast<int32_t>(number());
    for (int i = 0; i < dims.nbDims; i++) dims.d[i] = number();
    return dims;
  }

 private:
  const char* at_;
};

/// FNV-1a over all but the header.
uint64_t checksum(const char* bytes, size_t size) {
  uint64_t sum = 14695981039346656037ull;
  for (size_t i = kHeader; i < size; i++) sum = (sum ^ static_cast<unsigned char>(bytes[i])) * 1099511628211ull;
  return sum;
}

void put_header(std::vector<char>& bytes) {
  const uint64_t size = bytes.size();
  std::memcpy(bytes.data(), &kTag, sizeof kTag);
  std::memcpy(bytes.data() + kSizeAt, &size, sizeof size);
  const int number = version_number();
  const int version[] = {number / 10000, number / 100 % 100, number % 100, build_number()};
  for (size_t i = 0; i < 4; i++) bytes[kVersionAt + i] = static_cast<char>(version[i]);
}

/// Between what the header says there is nothing.
bool has_stray_bytes(const char* bytes) {
  const auto any = [&](size_t from, size_t to) {
    return std::any_of(bytes + from, bytes + to, [](char byte) { return byte != 0; });
  };
  return any(sizeof kTag, kSizeAt) || any(kSizeAt + sizeof(uint64_t), kVersionAt);
}

bool check_header(const char* bytes, size_t size, std::string& why) {
  std::vector<char> expected(kHeader);
  put_header(expected);
  uint64_t said = 0;
  if (size < kHeader + sizeof(uint64_t) || std::memcmp(bytes, expected.data(), sizeof kTag) != 0)
    why = "Serialization assertion magicTagRead == kMAGIC_TAG failed.";
  else if (std::memcmp(bytes + kVersionAt, expected.data() + kVersionAt, 4) != 0)
    why = "Serialization assertion stdVersionRead == kSERIALIZATION_VERSION failed.Version tag does not match.";
  else if (std::memcpy(&said, bytes + kSizeAt, sizeof said); said != size)
    why = "Serialization assertion size failed: the plan says " + std::to_string(said) + " bytes, and has " +
          std::to_string(size);
  else if (has_stray_bytes(bytes))
    why = "Serialization assertion header failed: the plan is damaged.";
  return why.empty();
}

void write_body(Writer& out, const Plan& plan) {
  out.number(static_cast<int64_t>(plan.ports.size()));
  for (const Port& port : plan.ports) {
    out.text(port.name);
    out.number(port.input);
    out.number(static_cast<int64_t>(port.type));
    out.shape(port.shape);
  }
  out.number(static_cast<int64_t>(plan.profiles.size()));
  for (const Profile& profile : plan.profiles) {
    out.number(static_cast<int64_t>(profile.size()));
    for (const auto& [name, range] : profile) {
      out.text(name);
      for (const Dims* dims : {&range.min, &range.opt, &range.max}) out.shape(*dims);
    }
  }
  out.number(static_cast<int64_t>(plan.layers.size()));
  for (const std::string& layer : plan.layers) out.text(layer);
  out.number(plan.scratch_per_row);
}

Plan read_body(Reader in) {
  Plan plan;
  plan.ports.resize(static_cast<size_t>(in.number()));
  for (Port& port : plan.ports) {
    port.name = in.text();
    port.input = in.number() != 0;
    port.type = static_cast<DataType>(in.number());
    port.shape = in.shape();
  }
  plan.profiles.resize(static_cast<size_t>(in.number()));
  for (Profile& profile : plan.profiles)
    for (int64_t left = in.number(); left > 0; left--) {
      Range& range = profile[in.text()];
      for (Dims* dims : {&range.min, &range.opt, &range.max}) *dims = in.shape();
    }
  plan.layers.resize(static_cast<size_t>(in.number()));
  for (std::string& layer : plan.layers) layer = in.text();
  plan.scratch_per_row = in.number();
  return plan;
}

}  // namespace

const Port* Plan::find(const std::string& name) const {
  for (const Port& port : ports)
    if (port.name == name) return &port;
  return nullptr;
}

long long Plan::rows(size_t profile) const {
  const Port& first = ports.front();
  const auto found = profiles[profile].find(first.name);
  const Dims& shape = found == profiles[profile].end() ? first.shape : found->second.max;
  return shape.nbDims > 0 ? shape.d[0] : 1;
}

std::vector<char> serialize(const Plan& plan) {
  Writer out;
  write_body(out, plan);
  out.bytes.resize(out.bytes.size() + static_cast<size_t>(knob("FAKE_PLAN_PADDING")), 'p');
  const uint64_t sum = checksum(out.bytes.data(), out.bytes.size());
  out.number(static_cast<int64_t>(sum));
  put_header(out.bytes);
  return std::move(out.bytes);
}

bool deserialize(const char* bytes, size_t size, Plan& plan, std::string& why) {
  if (!check_header(bytes, size, why)) return false;
  const size_t body = size - sizeof(uint64_t);
  uint64_t said;
  std::memcpy(&said, bytes + body, sizeof said);
  if (said != checksum(bytes, body)) {
    why = "Serialization assertion checksum failed: the plan is damaged.";
    return false;
  }
  plan = read_body(Reader(bytes + kHeader));
  return true;
}

long long elements(const Dims& shape) {
  long long product = 1;
  for (int i = 0; i < shape.nbDims; i++) product *= shape.d[i];
  return product;
}

size_t bytes_of(DataType type) {
  switch (type) {
    case DataType::kINT64: return 8;
    case DataType::kFLOAT:
    case DataType::kINT32: return 4;
    case DataType::kHALF:
    case DataType::kBF16: return 2;
    default: return 1;
  }
}

std::string words(const Dims& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.nbDims; i++) text += (i ? "," : "") + std::to_string(shape.d[i]);
  return text + ')';
}

}  // namespace fakes::infer
