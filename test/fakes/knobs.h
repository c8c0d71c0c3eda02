#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

/// Shared by the three fakes: what a test asks of them, and what they tell it. environment.ts says what each knob is.
namespace fakes {

/// A number from the environment, read at each use. The environment is set before the process starts: setenv would
/// race.
inline long long knob(const char* name, long long otherwise = 0) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoll(text, nullptr, 0) : otherwise;
}

/// For knobs that say from which of something on (1 is the first) a fault shows; absent or 0: never.
inline bool reached(const char* name, long long count) {
  const long long from = knob(name);
  return from > 0 && count >= from;
}

/// Appends `PID TEXT` to the file FAKE_LOG, in one write, so that processes may share it.
inline void note(const std::string& text) {
  const char* path = std::getenv("FAKE_LOG");
  if (!path) return;
  const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return;
  const std::string line = std::to_string(getpid()) + ' ' + text + '\n';
  if (write(file, line.data(), line.size()) < 0) std::abort();
  close(file);
}

/// A mistake of the caller's that the real library leaves undefined, or misses: on stderr and in the log.
inline void blame(const std::string& text) {
  note("blame " + text);
  const std::string line = "fake: " + text + '\n';
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) std::abort();
}

/// As `blame`, where going on would hide it.
[[noreturn]] inline void refuse(const std::string& text) {
  blame(text);
  std::abort();
}

}  // namespace fakes
