import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Set by scripts/test-tensorrt.mjs, which fetches them. */
const CACHE = process.env.CLIP_TEST_TENSORRT;

export interface RealLibrary {
  /** As `getInferLibVersion` says: `10.15.1`. */
  readonly version: string;
  readonly folder: string;
  /** The builder's own files. */
  readonly resource: string;
}

/** NVIDIA's own libraries, the newest first. */
export const REAL: readonly RealLibrary[] = [
  {
    version: '10.15.1',
    folder: join(CACHE ?? '', '10.15-1.5.13'),
    resource: 'libnvinfer_builder_resource_ptx.so.10.15.1',
  },
  {
    version: '10.6.0',
    folder: join(CACHE ?? '', '10.6-1.5.11'),
    resource: 'libnvinfer_builder_resource.so.10.6.0',
  },
];

/** A driver would let them do more than these tests expect. */
const DRIVER = existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');

/** Why the tests of this folder are skipped. */
export const skip =
  (CACHE === undefined && 'npm run test:tensorrt fetches TensorRT and runs these') ||
  (DRIVER && 'this host has a driver, and these tests say what happens without one');
