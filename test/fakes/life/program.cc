/// The module's sources keep the library loaded that they are in, so they are not in the program itself.
#include <cstdlib>

extern "C" void life_run(const char* mode, const char* model, int cycles);

int main(int count, char** arguments) {
  if (count != 4) return 2;
  life_run(arguments[1], arguments[2], std::atoi(arguments[3]));
  return 0;
}
