#pragma once

#include <cstddef>

/// What the fakes count; this program is linked with them, and opens them by name all the same.
extern "C" {
int fake_infer_live();
int fake_cuda_live();
size_t fake_cuda_used(int device);
long long fake_cuda_created();
}
