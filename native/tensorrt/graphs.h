#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "resources.h"

namespace clip::tensorrt {

/// What became of a context's graphs; may be asked by any thread.
class GraphReport {
 public:
  struct Figures {
    uint64_t captured = 0;
    uint64_t launched = 0;
    std::vector<std::string> refused;
  };

  Figures figures() const;
  void count_capture();
  void count_launch();
  void add_refusal(const std::string& why);

 private:
  mutable std::mutex mutex_;
  Figures figures_;
};

/// One CUDA graph per profile and shapes, captured once the same has been run a second time: a shape that comes once isn't
/// worth it, and TensorRT wants a run of the shapes before a capture. Used by the context's thread.
class Graphs {
 public:
  /// A profile's index, then the sides of all inputs, rows padded.
  using Key = std::vector<int64_t>;

  Graphs(std::shared_ptr<Device> device, const Stream& stream, bool wanted);

  /// Puts the captured work in the stream.
  /// @returns false where there is none for this key
  bool launch(const Key& key);
  /// Counts a run that no graph did. @returns whether it is now to be captured
  bool is_due(const Key& key);
  /// `enqueue` puts the work in the stream, and says whether it could; it must not throw. A key whose capture fails has no
  /// graph from then on; the report says why and of what.
  /// @throws Fault where the device is lost
  void capture(const Key& key, const std::string& what, const std::function<bool()>& enqueue);

  const std::shared_ptr<GraphReport>& report() const { return report_; }

 private:
  struct Entry {
    int runs = 0;
    bool refused = false;
    std::optional<Graph> graph;
  };

  Graph record(const std::function<bool()>& enqueue);

  std::shared_ptr<Device> device_;
  const Stream& stream_;
  const bool wanted_;
  std::map<Key, Entry> entries_;
  std::shared_ptr<GraphReport> report_ = std::make_shared<GraphReport>();
};

}  // namespace clip::tensorrt
