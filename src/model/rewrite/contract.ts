import type { TowerArchitecture } from '../architecture/architecture.ts';
import type { TowerContract } from '../tower.ts';
import type { RewriteOptions } from './options.ts';
import type { Located } from './weights.ts';

/** How a rewritten file is fed, and what it gives. */
export function towerContract(
  architecture: TowerArchitecture,
  options: RewriteOptions,
  path: string,
  located: readonly Located[],
): TowerContract {
  const common = {
    path,
    output: { name: 'output', type: 'float32' },
    width: architecture.outputWidth,
    bytes: located.reduce((total, { place }) => total + place.length, 0),
    externalData: true,
  } as const;
  if (architecture.family !== 'text') {
    const { pixels } = options;
    return {
      tower: 'image',
      ...common,
      input: { name: 'pixel_values', type: pixels },
      layout: pixels === 'uint8' ? 'nhwc' : 'nchw',
      resolution: architecture.resolution,
      tokens: (architecture.family === 'vit' ? architecture : architecture.pool).positions.dims[0]!,
    };
  }
  const { endToken, positions } = architecture;
  const contextLength = positions.dims[0]!;
  const text = { tower: 'text', ...common, contextLength } as const;
  if (options.columns === 'packed')
    return { ...text, input: { name: 'tokens', type: 'int32' }, packed: { endToken } };
  return {
    ...text,
    input: { name: 'input_ids', type: 'int32' },
    ...(options.end === 'given' && { end: { name: 'end', type: 'int32' } }),
    ...(options.columns === 'dynamic' && { cut: { lengths: allUpTo(contextLength), endToken } }),
  };
}

function allUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
