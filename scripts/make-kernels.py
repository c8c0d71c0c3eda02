"""Compiles native/tensorrt/kernels.cu with NVRTC into native/tensorrt/kernels/: a cubin for each architecture, and PTX
for newer ones. The same sources give the same bytes, on any machine and without a GPU.

Run: python3 scripts/make-kernels.py [OUT], with scripts/kernels-requirements.txt installed
     (pip install --no-deps --require-hashes -r scripts/kernels-requirements.txt)
"""

import ctypes
import hashlib
import sys
from pathlib import Path

import nvidia.cuda_nvrtc

NATIVE = Path(__file__).resolve().parent.parent / "native"
# In the order of native/tensorrt/kernels.cc, which picks one.
CUBINS = [75, 80, 86, 89, 90]
PTX = 75

SOURCES = [(NATIVE / name).read_bytes() for name in ["tensorrt/kernels.cu", "pixel.h", "tensorrt/half.h"]]
DIGEST = hashlib.sha256(b"".join(SOURCES)).hexdigest()
# NVRTC has no standard headers.
CSTDINT = b"""
using uint8_t = unsigned char;
using uint16_t = unsigned short;
using int32_t = int;
using uint32_t = unsigned;
using uint64_t = unsigned long long;
"""
OPTIONS = [
    "--std=c++17",
    "--device-as-default-execution-space",
    # Each step is rounded by itself, as on the CPU.
    "--fmad=false",
    "--prec-div=true",
    "--ftz=false",
    f'-DCLIP_SOURCES="{DIGEST}"',
]


def load():
    """NVRTC 12.6 finds its companion only among what is loaded already or in the loader's path."""
    folder = Path(nvidia.cuda_nvrtc.__path__[0]) / "lib"
    ctypes.CDLL(str(next(folder.glob("libnvrtc-builtins.so.12.6*"))), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(str(folder / "libnvrtc.so.12"))


def compile_for(nvrtc, architecture, read):
    """@returns what `read` (nvrtcGetCUBIN or nvrtcGetPTX) gives of the kernels."""
    program = ctypes.c_void_p()
    source, *headers = [*SOURCES, CSTDINT]
    names = (ctypes.c_char_p * 3)(b"../pixel.h", b"half.h", b"cstdint")
    contents = (ctypes.c_char_p * 3)(*headers)
    made = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"kernels.cu", 3, contents, names)
    options = [f"--gpu-architecture={architecture}", *OPTIONS]
    status = made or nvrtc.nvrtcCompileProgram(
        program, len(options), (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    )
    log = fetch(nvrtc, program, "nvrtcGetProgramLog").rstrip(b"\0").decode()
    if status or log.strip():
        raise SystemExit(f"{architecture}: NVRTC's result {status}\n{log}")
    image = fetch(nvrtc, program, read)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return image


def fetch(nvrtc, program, read):
    size = ctypes.c_size_t()
    failed = getattr(nvrtc, f"{read}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    failed = failed or getattr(nvrtc, read)(program, buffer)
    if failed:
        raise SystemExit(f"{read}: NVRTC's result {failed}")
    return buffer.raw


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else NATIVE / "tensorrt" / "kernels"
    out.mkdir(parents=True, exist_ok=True)
    nvrtc = load()
    for number in CUBINS:
        (out / f"sm_{number}.cubin").write_bytes(compile_for(nvrtc, f"sm_{number}", "nvrtcGetCUBIN"))
    # With the zero that ends it: the driver reads it as a string.
    (out / f"compute_{PTX}.ptx").write_bytes(compile_for(nvrtc, f"compute_{PTX}", "nvrtcGetPTX"))


main()
