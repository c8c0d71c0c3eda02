#include "images.h"

// The bytes of a file of kernels/ as the symbol clip_kernels_NAME of this module; the assembler looks from native/.
#define CLIP_EMBED(NAME, FILE)                       \
  __asm__(".pushsection .rodata\n"                   \
          ".balign 64\n"                             \
          ".global clip_kernels_" #NAME "\n"         \
          ".hidden clip_kernels_" #NAME "\n"         \
          "clip_kernels_" #NAME ":\n"                \
          ".incbin \"tensorrt/kernels/" FILE "\"\n" \
          ".popsection\n");                          \
  extern "C" __attribute__((visibility("hidden"))) const char clip_kernels_##NAME[]

CLIP_EMBED(sm_75, "sm_75.cubin");
CLIP_EMBED(sm_80, "sm_80.cubin");
CLIP_EMBED(sm_86, "sm_86.cubin");
CLIP_EMBED(sm_89, "sm_89.cubin");
CLIP_EMBED(sm_90, "sm_90.cubin");
CLIP_EMBED(compute_75, "compute_75.ptx");

namespace clip::tensorrt {
namespace {

/// Machine code before PTX, the closest first.
constexpr Image kImages[] = {{"sm_90", 9, 0, false, clip_kernels_sm_90},
                             {"sm_89", 8, 9, false, clip_kernels_sm_89},
                             {"sm_86", 8, 6, false, clip_kernels_sm_86},
                             {"sm_80", 8, 0, false, clip_kernels_sm_80},
                             {"sm_75", 7, 5, false, clip_kernels_sm_75},
                             {"compute_75", 7, 5, true, clip_kernels_compute_75}};

bool runs_on(const Image& image, int major, int minor) {
  if (image.portable) return major > image.major || (major == image.major && minor >= image.minor);
  // 8.7 is Tegra's, for which CUDA promises nothing of other devices' machine code.
  const bool is_tegra = major == 8 && minor == 7;
  return major == image.major && minor >= image.minor && !is_tegra;
}

}  // namespace

const Image* image_for(int major, int minor) {
  for (const Image& image : kImages)
    if (runs_on(image, major, minor)) return &image;
  return nullptr;
}

}  // namespace clip::tensorrt
