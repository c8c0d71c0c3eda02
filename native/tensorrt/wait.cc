#include "wait.h"

#include <algorithm>
#include <thread>

namespace clip::tensorrt {

void wait_for(Device& device, const Event& event, std::chrono::milliseconds bound, const std::string& what) {
  using Clock = std::chrono::steady_clock;
  // A pause of a thirty-second of the time so far: what is done is noticed at most 3 % late, and long work is asked about rarely.
  constexpr auto kShortest = std::chrono::microseconds(20), kLongest = std::chrono::microseconds(1000);
  const Clock::time_point start = Clock::now();
  for (;;) {
    device.require();
    const CudaResult result = device.driver().event_query(event.get());
    if (result == kCudaSuccess) return;
    if (result != kCudaNotReady) device.fail(device.driver().event_query.name(), result);
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    if (passed > bound) {
      const Fault hung(FaultCode::hung, "the device has not finished " + what + " in " + std::to_string(bound.count()) + " ms");
      device.lose(hung);
      throw hung;
    }
    std::this_thread::sleep_for(std::clamp(passed / 32, kShortest, kLongest));
  }
}

}  // namespace clip::tensorrt
