#include "cycle.h"

#include <tensorrt/context_thread.h>

#include <future>

#include "expect.h"

namespace life {
namespace {

using namespace clip::tensorrt;

constexpr auto kHang = std::chrono::seconds(60);
constexpr int kRuns = 6;

int64_t up_to(Random& random, int64_t most) { return 1 + static_cast<int64_t>(random() % static_cast<uint64_t>(most)); }

/// As pieces, one for each row: how a batch of the server's comes.
Feed feed_of(const std::vector<int32_t>& ids, int64_t rows, int64_t columns) {
  Feed feed{"input_ids", Element::int32, {rows, columns}, {}};
  for (int64_t row = 0; row < rows; row++)
    feed.pieces.push_back({ids.data() + row * columns, static_cast<size_t>(columns) * sizeof(int32_t)});
  return feed;
}

void check(const std::vector<int32_t>& ids, int64_t rows, const std::vector<float>& out) {
  const size_t columns = ids.size() / static_cast<size_t>(rows), width = out.size() / static_cast<size_t>(rows);
  for (size_t row = 0; row < static_cast<size_t>(rows); row++) {
    int64_t sum = 0;
    for (size_t i = 0; i < columns; i++) sum += ids[row * columns + i];
    for (size_t j = 0; j < width; j++)
      expect(out[row * width + j] == static_cast<float>(sum + static_cast<int64_t>(j)),
             "row " + std::to_string(row) + " of " + std::to_string(rows) + " is its own ids' sum");
  }
}

void ask_too_much(Context& context) {
  const std::vector<int32_t> ids(static_cast<size_t>((kMostRows + 1) * kColumns[0]), 1);
  std::vector<float> out(static_cast<size_t>(kMostRows + 1) * 32);
  expect_fault(FaultCode::shape, [&] { context.run({feed_of(ids, kMostRows + 1, kColumns[0])}, out.data()); });
  expect_fault(FaultCode::failed, [&] { context.run({}, out.data()); });
}

/// Some shapes again and again, so that they are captured, and others once.
void run_some(Context& context, Random& random) {
  const int64_t usual = up_to(random, kMostRows);
  for (int i = 0; i < kRuns; i++) {
    run_checked(context, i % 3 == 2 ? up_to(random, kMostRows) : usual, random);
    context.capture_if_due();
  }
}

}  // namespace

void run_checked(Context& context, int64_t rows, Random& random) {
  const int64_t columns = kColumns[random() % std::size(kColumns)];
  std::vector<int32_t> ids(static_cast<size_t>(rows * columns));
  for (int32_t& id : ids) id = static_cast<int32_t>(random() % 49408);
  std::vector<float> out(static_cast<size_t>(rows) * 32, -1);
  context.run({feed_of(ids, rows, columns)}, out.data());
  check(ids, rows, out);
}

void cycle(const House& house, const std::shared_ptr<Device>& device, std::shared_ptr<Engine> engine, Random& random) {
  if (!engine) engine = std::make_shared<Engine>(house.library, device, house.plan);
  const bool graphs = random() % 2 == 0;
  auto context = std::make_unique<Context>(engine, Context::Options{graphs, kHang});
  ContextThread thread(std::make_unique<Context>(engine, Context::Options{!graphs, kHang}));
  std::promise<void> done;
  Random own(static_cast<unsigned>(random()));
  const bool posted = thread.post([&](Context& other) {
    try {
      run_some(other, own);
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  expect(posted, "a thread that was not ended takes a job");
  const bool early = random() % 2 == 0;
  if (early) thread.end();
  std::exception_ptr thrown;
  try {
    run_some(*context, random);
    ask_too_much(*context);
    run_checked(*context, 1, random);
  } catch (...) {
    // The job uses what is here.
    thrown = std::current_exception();
  }
  auto other = done.get_future();
  other.wait();
  if (random() % 2 == 0) engine.reset();
  context.reset();
  thread.end();
  expect(thread.has_ended_by(std::chrono::steady_clock::now() + kHang), "a context's thread ends");
  if (thrown) std::rethrow_exception(thrown);
  other.get();
}

}  // namespace life
