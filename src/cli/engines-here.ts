import type { PlanKey } from '../engine/tensorrt/plan.ts';
import { type AskOptions, askHost } from '../host/ask.ts';
import { findTensorRt, isLoaded } from '../host/libraries.ts';
import { isServed, versionText } from '../host/tensorrt-version.ts';
import type { Gpu } from '../native/addon.ts';

/** What of this host decides whether a plan would load. */
export interface Here {
  /** Versions of TensorRT that the loader finds by itself and that are served: `10.15.1`. */
  readonly versions: readonly string[];
  readonly gpus: readonly Gpu[];
  /** Of the newest CUDA that the driver serves; absent without a driver. */
  readonly driverMajor?: number;
  /** `linux-x64`. */
  readonly platform: string;
}

/** Asks the libraries and the driver in processes of their own. @throws the signal's reason */
export async function lookHere(options: AskOptions): Promise<Here> {
  const asked = [findTensorRt(options), askHost([{ ask: 'driver' }], options)] as const;
  // No process outlives this.
  await Promise.allSettled(asked);
  const [{ infer }, [driver]] = await Promise.all(asked);
  const found = infer.filter((attempt) => isLoaded(attempt) && !attempt.asked.includes('/'));
  const versions = found.map(({ version }) => version ?? 0).filter(isServed);
  const platform = `${process.platform}-${process.arch}`;
  if (driver === undefined || 'failure' in driver)
    return { versions: versions.map(versionText), gpus: [], platform };
  const { version } = driver.library;
  return {
    versions: versions.map(versionText),
    gpus: driver.gpus,
    platform,
    ...(version !== undefined && { driverMajor: Math.trunc(version / 1000) }),
  };
}

/**
 * Why a start on this host would build anew in place of taking a plan of the key, as a clause; undefined where it would take it. A
 * library gives no build number before it is used, so that is left out.
 */
export function misfit(key: PlanKey, { versions, gpus, driverMajor, platform }: Here): string | undefined {
  if (key.platform !== platform) return `it is for ${key.platform}`;
  const version = key.tensorrt.split('.').slice(0, 3).join('.');
  if (!versions.includes(version)) {
    const here = versions.length > 0 ? `here is ${versions.join(' and ')}` : 'none is served here';
    return `it is of TensorRT ${version}, ${here}`;
  }
  const alike = gpus.some(
    ({ name, computeCapability, memoryBytes }) =>
      name === key.gpu && computeCapability === key.computeCapability && memoryBytes === key.memoryBytes,
  );
  if (!alike) return gpus.length > 0 ? `it is for ${key.gpu}` : 'there is no GPU';
  if (key.driverMajor !== driverMajor) return `it is for a driver of CUDA ${key.driverMajor}`;
  return undefined;
}
