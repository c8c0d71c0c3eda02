import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compiles a fake library, C text, into a folder that is to be LD_LIBRARY_PATH. */
export function fakeLibrary(folder: string, name: string, text: string): void {
  const source = join(folder, `${name}.c`);
  writeFileSync(source, text);
  const flags = ['-x', 'c', '-shared', '-fPIC', '-o', join(folder, name), source];
  execFileSync(process.env.CXX ?? 'c++', flags, { stdio: 'pipe' });
}

export const fakeInfer = (version: number) => `int getInferLibVersion(void) { return ${version}; }`;
export const FAKE_PARSER = 'int fake_parser;';

/** A fake of the driver, CUDA 12.4, with the GPUs (compute capability ×10 each) that hold 80 GB. */
export function fakeDriver(capabilities: readonly number[]): string {
  return `#include <stddef.h>
    #include <string.h>
    static const int capabilities[] = {${[...capabilities, 0].join(', ')}};
    int cuDriverGetVersion(int* version) { *version = 12040; return 0; }
    int cuInit(unsigned flags) { return ${capabilities.length > 0 ? 0 : 100}; }
    int cuGetErrorName(int error, const char** name) { *name = "CUDA_ERROR_NO_DEVICE"; return 0; }
    int cuGetErrorString(int error, const char** text) { *text = "no fake device"; return 0; }
    int cuDeviceGetCount(int* count) { *count = ${capabilities.length}; return 0; }
    int cuDeviceGet(int* device, int index) { *device = index + 7; return 0; }
    int cuDeviceGetName(char* name, int size, int device) { strncpy(name, "Fake GPU", size); return 0; }
    int cuDeviceGetAttribute(int* value, int attribute, int device) {
      const int capability = capabilities[device - 7];
      *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : -1;
      return 0;
    }
    int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = 80000000000; return 0; }`;
}
