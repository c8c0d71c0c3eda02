import { attribute } from '../attributes.ts';
import { elementCount } from '../elements.ts';
import { StoredSource } from './stored.ts';
import { broadcast, select, slice, type View, viewOf, viewOfValues } from './view.ts';
import { axisOf, type Call, isFloat, isInteger, type Operation } from './workshop.ts';

/** Operators that make a tensor of another size: shapes, ranges, joints, choices. */
export const GENERATE: Readonly<Record<string, Operation>> = {
  Shape: ({ node, inputs: [x] }) => {
    if (!x) return undefined;
    const start = attribute(node, 'start', 'integer') ?? 0;
    const dims = x.dims.slice(start, attribute(node, 'end', 'integer') ?? x.dims.length);
    return [viewOfValues('int64', [dims.length], Float64Array.from(dims))];
  },
  Size: ({ inputs: [x] }) => x && [viewOfValues('int64', [], Float64Array.of(elementCount(x.dims)))],
  ConstantOfShape: ({ node, inputs: [shape], workshop }) => {
    const dims = workshop.perAxis(shape);
    const value = attribute(node, 'value', 'tensor');
    if (!dims?.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) return undefined;
    if (value && (!value.data || elementCount(value.dims) !== 1)) return undefined;
    const one = value
      ? viewOf(value.type, [], new StoredSource(value, '', new Map()))
      : viewOfValues('float32', [], new Float32Array(1));
    return [broadcast(one, dims)!];
  },
  Range: ({ workshop, inputs }) => {
    const [start, limit, delta] = inputs.map((input) => workshop.perAxis(input)?.[0]);
    const type = inputs[0]?.type ?? '';
    if (start === undefined || limit === undefined || !delta) return undefined;
    if (!isInteger(type) && !isFloat(type)) return undefined;
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    const made = workshop.make(type, [count], [], (_, to) => {
      for (let i = 0; i < count; i++) to[i] = start + i * delta;
    });
    return made && [made];
  },
  Concat: concat,
  Gather: gather,
  GatherND: gatherByIndex,
  Tile: tile,
  ScatterND: scatter,
};

function concat({ node, inputs, workshop }: Call): readonly View[] | undefined {
  const views = inputs.filter((input) => input !== undefined);
  const [first] = views;
  const axis = first && axisOf(attribute(node, 'axis', 'integer') ?? 0, first.dims.length);
  if (axis === undefined || views.length < inputs.length) return undefined;
  const shapeBut = ({ dims }: View) => dims.with(axis, 0).join();
  const fits = (view: View) =>
    view.type === first!.type &&
    view.dims.length === first!.dims.length &&
    shapeBut(view) === shapeBut(first!);
  if (!views.every(fits)) return undefined;
  const dims = first!.dims.with(
    axis,
    views.reduce((sum, view) => sum + view.dims[axis]!, 0),
  );
  const made = workshop.make(first!.type, dims, views, (parts, to) => {
    const rows = elementCount(dims.slice(0, axis));
    for (let row = 0, written = 0; row < rows; row++) {
      for (const part of parts) {
        const length = part.length / rows;
        to.set(part.subarray(row * length, (row + 1) * length), written);
        written += length;
      }
    }
  });
  return made && [made];
}

function gather({ node, inputs: [x, indices], workshop }: Call): readonly View[] | undefined {
  const axis = x && axisOf(attribute(node, 'axis', 'integer') ?? 0, x.dims.length);
  const stated = workshop.numbers(indices);
  if (!x || !indices || !stated || axis === undefined) return undefined;
  const chosen = stated.map((index) => axisOf(index, x.dims[axis]!));
  if (!chosen.every((index) => index !== undefined)) return undefined;
  if (indices.dims.length === 0) return [select(x, axis, chosen[0]!)];
  const step = chosen.length > 1 ? chosen[1]! - chosen[0]! : 1;
  const isEven = chosen.every((index, i) => index === chosen[0]! + i * step);
  if (indices.dims.length === 1 && isEven) return [slice(x, axis, chosen[0] ?? 0, chosen.length, step)];
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const made = workshop.make(x.type, dims, [x], ([from], to) => {
    const rows = elementCount(x.dims.slice(0, axis));
    const length = elementCount(x.dims.slice(axis + 1));
    for (let row = 0, written = 0; row < rows; row++) {
      for (const index of chosen) {
        const start = (row * x.dims[axis]! + index) * length;
        to.set(from!.subarray(start, start + length), written);
        written += length;
      }
    }
  });
  return made && [made];
}

/** Each index of `indices`' last axis names a row, counted from the axes that `batch_dims` leaves out. */
function gatherByIndex({ node, inputs: [x, indices], workshop }: Call): readonly View[] | undefined {
  const shared = attribute(node, 'batch_dims', 'integer') ?? 0;
  const places = indices && workshop.values(indices);
  const depth = indices?.dims.at(-1);
  if (!x || !places || depth === undefined || shared + depth > x.dims.length) return undefined;
  const batches = elementCount(x.dims.slice(0, shared));
  const length = elementCount(x.dims.slice(shared + depth));
  if (x.dims.slice(0, shared).join() !== indices!.dims.slice(0, shared).join()) return undefined;
  const dims = [...indices!.dims.slice(0, -1), ...x.dims.slice(shared + depth)];
  const made = workshop.make(x.type, dims, [x], ([from], to) => {
    const perBatch = places.length / depth / batches;
    for (let row = 0; row * depth < places.length; row++) {
      let start = Math.floor(row / perBatch);
      for (let axis = 0; axis < depth; axis++) {
        const size = x.dims[shared + axis]!;
        const index = axisOf(places[row * depth + axis]!, size);
        if (index === undefined) return false;
        start = start * size + index;
      }
      to.set(from!.subarray(start * length, (start + 1) * length), row * length);
    }
    return true;
  });
  return made && [made];
}

function tile({ inputs: [x, repeats], workshop }: Call): readonly View[] | undefined {
  const times = workshop.perAxis(repeats);
  if (!x || times?.length !== x.dims.length || times.some((time) => time < 0)) return undefined;
  // [a, b] seen as [1, a, 1, b], repeated to [m, a, n, b].
  const split = {
    ...x,
    dims: x.dims.flatMap((dim) => [1, dim]),
    strides: x.strides.flatMap((stride) => [0, stride]),
  };
  const repeated = broadcast(
    split,
    x.dims.flatMap((dim, axis) => [times[axis]!, dim]),
  )!;
  const dims = x.dims.map((dim, axis) => dim * times[axis]!);
  const made = workshop.make(x.type, dims, [repeated], ([from], to) => to.set(from!));
  return made && [made];
}

/** Without a reduction: each row of `updates` replaces what its index names. */
function scatter({ node, inputs: [x, indices, updates], workshop }: Call): readonly View[] | undefined {
  const reduction = attribute(node, 'reduction', 'text') ?? 'none';
  const places = indices && workshop.values(indices);
  const depth = indices?.dims.at(-1);
  if (!x || !updates || !places || depth === undefined || reduction !== 'none') return undefined;
  if (depth > x.dims.length || updates.type !== x.type) return undefined;
  const dims = [...indices!.dims.slice(0, -1), ...x.dims.slice(depth)];
  if (updates.dims.join() !== dims.join()) return undefined;
  const made = workshop.make(x.type, x.dims, [x, updates], ([from, rows], to) => {
    to.set(from!);
    const length = elementCount(x.dims.slice(depth));
    for (let row = 0; row * length < rows!.length; row++) {
      let start = 0;
      for (let axis = 0; axis < depth; axis++) {
        const index = axisOf(places[row * depth + axis]!, x.dims[axis]!);
        if (index === undefined) return false;
        start = start * x.dims[axis]! + index;
      }
      to.set(rows!.subarray(row * length, (row + 1) * length), start * length);
    }
    return true;
  });
  return made && [made];
}
