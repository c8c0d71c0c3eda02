#include "graphs.h"

#include "../knobs.h"

namespace fakes::cuda {
namespace {

struct Graph {
  std::shared_ptr<const std::vector<Operation>> operations;
};

struct Executable {
  std::shared_ptr<const std::vector<Operation>> operations;
};

Handles<Graph>& graphs() {
  static auto* const handles = new Handles<Graph>;
  return *handles;
}

Handles<Executable>& executables() {
  static auto* const handles = new Handles<Executable>;
  return *handles;
}

}  // namespace

void* new_graph(std::vector<Operation> operations) {
  return graphs().add(
      std::make_shared<Graph>(Graph{std::make_shared<const std::vector<Operation>>(std::move(operations))}));
}

}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

int cuGraphInstantiateWithFlags(void** executable, void* handle, unsigned long long) {
  if (const int result = ready()) return result;
  const auto graph = graphs().find(handle);
  if (!graph) return kInvalidHandle;
  if (const int result = admit()) return result;
  *executable = executables().add(std::make_shared<Executable>(Executable{graph->operations}));
  fakes::note("create graph");
  return kSuccess;
}

int cuGraphDestroy(void* handle) { return graphs().take(handle) ? sticky() : kInvalidHandle; }

int cuGraphExecDestroy(void* handle) {
  if (!executables().take(handle)) return kInvalidHandle;
  fakes::note("destroy graph");
  return sticky();
}

int cuGraphUpload(void* handle, void*) {
  if (const int result = ready()) return result;
  return executables().find(handle) ? kSuccess : kInvalidHandle;
}

int cuGraphLaunch(void* handle, void* stream) {
  if (const int result = ready()) return result;
  const auto executable = executables().find(handle);
  if (!executable) return kInvalidHandle;
  fakes::note("launch graph");
  return submit(stream, [operations = executable->operations] {
    for (const Operation& operation : *operations)
      if (sticky() == kSuccess) operation();
  });
}
}
