/// life MODE MODEL.onnx CYCLES: lives of engines and contexts over the fakes, without Node.
///   cycles  CYCLES lives on kThreads threads, some on an engine that all share; everything has to be given back.
///   scarce  a life for each thing that the driver creates, which it has no memory for.
///   lost    lives on until the device is lost (FAKE_STICKY, FAKE_HANG), and proves that everything ends all the same.
#include <atomic>
#include <cstring>
#include <thread>

#include "cycle.h"
#include "expect.h"
#include "fakes.h"

namespace life {
namespace {

using namespace clip::tensorrt;

constexpr int kThreads = 4, kBuildEvery = 64;

void expect_nothing_left() {
  expect(fake_infer_live() == 0, "nothing of libnvinfer's is left, got " + std::to_string(fake_infer_live()));
  expect(fake_cuda_live() == 0, "nothing of libcuda's is left, got " + std::to_string(fake_cuda_live()));
  expect(fake_cuda_used(0) == 0, "no memory is left, got " + std::to_string(fake_cuda_used(0)));
}

House open_house(const std::string& model) {
  House house;
  house.driver = Driver::open();
  const std::string major = std::to_string(CLIP_TENSORRT_MAJOR);
  house.library = Library::open(*house.driver, {"libnvinfer.so." + major, "libnvonnxparser.so." + major});
  Device device(house.driver, 0);
  house.plan = build_plan(*house.library, device, model);
  return house;
}

void refuse_damaged(const House& house, const std::shared_ptr<Device>& device, Random& random) {
  Bytes damaged = house.plan;
  damaged[random() % damaged.size()] ^= 0x40;
  Bytes cut(house.plan.begin(), house.plan.begin() + static_cast<long>(random() % house.plan.size()));
  for (const Bytes& plan : {damaged, cut}) expect_fault(FaultCode::plan, [&] { Engine(house.library, device, plan); });
}

/// One of several: `common` is theirs, and each has a device of its own besides.
void live(const House& house, const std::string& model, const std::shared_ptr<Engine>& common, int thread, int cycles) {
  Random random(static_cast<unsigned>(thread) + 1);
  const auto own = std::make_shared<Device>(house.driver, 0);
  for (int i = 0; i < cycles; i++) {
    switch (i % 3) {
      case 0: cycle(house, common->device(), common, random); break;
      case 1: cycle(house, common->device(), nullptr, random); break;
      default: cycle(house, own, nullptr, random);
    }
    refuse_damaged(house, own, random);
    if (i % kBuildEvery != thread) continue;
    own->make_current();
    cancel_build(*house.library, *own, model);
    expect(build_plan(*house.library, *own, model) == house.plan, "equal jobs build equal plans");
  }
}

void run_cycles(const House& house, const std::string& model, int cycles) {
  {
    const auto device = std::make_shared<Device>(house.driver, 0);
    const auto common = std::make_shared<Engine>(house.library, device, house.plan);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; i++)
      threads.emplace_back([&, i] { live(house, model, common, i, cycles / kThreads + (i < cycles % kThreads)); });
    for (std::thread& thread : threads) thread.join();
    device->make_current();
  }
  expect_nothing_left();
}

/// FAKE_CREATE_FAIL is set while no thread of ours or of the fakes' reads the environment.
void run_scarce(const House& house) {
  int failed = 0;
  for (long long which = 1;; which++) {
    const long long before = fake_cuda_created();
    setenv("FAKE_CREATE_FAIL", std::to_string(before + which).c_str(), 1);
    Random random(1);
    try {
      const auto device = std::make_shared<Device>(house.driver, 0);
      cycle(house, device, nullptr, random);
      if (fake_cuda_created() < before + which) break;
    } catch (const Fault& fault) {
      expect(fault.code() == FaultCode::memory, std::string("the fault is of memory, got ") + fault.what());
      failed++;
    }
    expect_nothing_left();
  }
  expect(failed > 10, "much was refused");
}

void run_lost(const House& house, int cycles) {
  const char* hang = std::getenv("FAKE_HANG");
  const FaultCode code = hang ? FaultCode::hung : FaultCode::sticky;
  const auto device = std::make_shared<Device>(house.driver, 0);
  const auto engine = std::make_shared<Engine>(house.library, device, house.plan);
  // A sanitizer on a busy machine is slow, and a run that is late would be taken for one that hangs.
  const Context::Options options{true, hang ? std::chrono::milliseconds(100) : std::chrono::minutes(1)};
  Context context(engine, options);
  Random random(1);
  expect_fault(code, [&] {
    for (int i = 0; i < cycles; i++) {
      run_checked(context, 1 + i % kMostRows, random);
      context.capture_if_due();
    }
  });
  for (int i = 0; i < 3; i++) expect_fault(code, [&] { run_checked(context, 1, random); });
  expect_fault(code, [&] { Context(engine, options); });
  expect_fault(code, [&] { Engine(house.library, device, house.plan); });
}

void run(const std::string& mode, const std::string& model, int cycles) {
  const House house = open_house(model);
  expect_nothing_left();
  if (mode == "cycles") run_cycles(house, model, cycles);
  if (mode == "scarce") run_scarce(house);
  if (mode == "lost") run_lost(house, cycles);
  std::printf("done %s\n", mode.c_str());
}

}  // namespace
}  // namespace life

extern "C" void life_run(const char* mode, const char* model, int cycles) { life::run(mode, model, cycles); }
