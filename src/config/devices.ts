import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Device } from './config.ts';
import type { Findings } from './findings.ts';
import { quote } from './node.ts';
import type { Given } from './section.ts';

/** CUDA devices of the machine: 0 where there are none or none can be seen. */
export type CountDevices = () => Promise<number>;

/** Counts as the reference does: every `UUID` that `nvidia-smi -L` lists, else `CUDA_TOTAL_DEVICES`. */
export async function countCudaDevices(environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ['-L'], { timeout: 10_000, env: environment });
    return stdout.split('UUID').length - 1;
  } catch {
    const total = Number(environment.CUDA_TOTAL_DEVICES ?? 0);
    return Number.isInteger(total) && total > 0 ? total : 0;
  }
}

export type Selection = { readonly devices: readonly string[] } | { readonly problem: string };

const UUID = /^(GPU|MIG)-[\w/-]+$/;
const FORMS = 'RR, RR and a Python slice (RR1:3), an index (RR2), or a list (RR0,2)';

/**
 * The devices that `RR…` (without these two letters) selects of `count`, in order. Slices are Python's and clamp; an index
 * or list names devices that must exist; UUIDs are not checked. As the reference, but where it would start
 * a replica without a device there is a problem instead.
 */
export function selectDevices(selector: string, count: number): Selection {
  const text = selector.trim();
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => UUID.test(name))) return { devices: names };
  if (names.length > 1) {
    if (!names.every((name) => /^\d+$/.test(name))) return { problem: `expected ${FORMS}` };
    const missing = names.find((name) => Number(name) >= count);
    if (missing !== undefined) return { problem: `expected devices below ${count}, got ${missing}` };
    return { devices: names.map((name) => String(Number(name))) };
  }
  const parts = (/^\[(.*:.*)\]$/.exec(text)?.[1] ?? text).split(':').map((part) => part.trim());
  if (parts.length > 3 || !parts.every((part) => /^([-+]?\d+)?$/.test(part)))
    return { problem: `expected ${FORMS}` };
  const [start, stop, step] = parts.map((part) => (part === '' ? undefined : Number(part)));
  if (step === 0) return { problem: 'expected a step other than 0' };
  // One index is the slice of one element, so −1 selects nothing.
  const single = parts.length === 1 && start !== undefined;
  const devices = slice(count, start, single ? start + 1 : stop, step ?? 1).map(String);
  if (devices.length === 0)
    return { problem: `expected a selection of the ${count} devices, got none of them` };
  return { devices };
}

/** Python's `range(count)[start:stop:step]`. */
function slice(count: number, start: number | undefined, stop: number | undefined, step: number): number[] {
  const [low, high] = step > 0 ? [0, count] : [-1, count - 1];
  const clamp = (bound: number) => Math.min(Math.max(bound < 0 ? bound + count : bound, low), high);
  const first = start === undefined ? (step > 0 ? low : high) : clamp(start);
  const end = stop === undefined ? (step > 0 ? high : low) : clamp(stop);
  const selected: number[] = [];
  for (let index = first; step > 0 ? index < end : index > end; index += step) selected.push(index);
  return selected;
}

export interface Binding {
  /** One device per replica, or none where no mapping was asked for. */
  readonly replicaDevices: readonly string[];
  /** What `CUDA_VISIBLE_DEVICES` must hold before a CUDA library loads. */
  readonly visible?: string;
}

/** Deals the devices that `CUDA_VISIBLE_DEVICES=RR…` selects to the replicas, one after the other. */
export async function bindReplicas(
  mask: Given<string> | undefined,
  replicas: number,
  device: Device,
  countDevices: CountDevices,
  findings: Findings,
): Promise<Binding> {
  if (mask === undefined || device.kind === 'cpu') return { replicaDevices: [] };
  if (!mask.value.startsWith('RR')) {
    if (/^rr/i.test(mask.value))
      findings.warn(mask.at, mask.key, `${quote(mask.value)} is not read as a mapping; did you mean RR?`);
    return { replicaDevices: [] };
  }
  const selector = mask.value.slice(2);
  const byName = selector.split(',').every((name) => UUID.test(name.trim()));
  const count = byName ? 0 : await countDevices();
  if (count === 0 && !byName) {
    findings.warn(mask.at, mask.key, `no CUDA device was found, so ${quote(mask.value)} maps none`);
    return { replicaDevices: [], visible: '-1' };
  }
  const selection = selectDevices(selector, count);
  if ('problem' in selection) {
    findings.fault(mask.at, mask.key, `${selection.problem}, got ${quote(mask.value)}`);
    return { replicaDevices: [] };
  }
  if (device.index > 0)
    findings.fault(
      mask.at,
      mask.key,
      `expected device cuda, of which each replica gets its own, got cuda:${device.index}`,
    );
  const { devices } = selection;
  // Indices count from the first device of the machine, so all stay visible; UUIDs are visible by themselves.
  const visible = byName ? [...new Set(devices)] : Array.from({ length: count }, (_, index) => index);
  return {
    replicaDevices: Array.from({ length: replicas }, (_, replica) => devices[replica % devices.length]!),
    visible: visible.join(','),
  };
}
