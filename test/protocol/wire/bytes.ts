/** A protobuf number. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A field that has a length: text, bytes, or the parts of a sub-message. */
export function sized(number: number, ...parts: (Uint8Array | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

export function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint(field * 8 + 5), bytes]);
}

/** A request of documents, each given as the parts of its message. */
export function requestOf(...documents: Buffer[][]): Buffer {
  return Buffer.concat([sized(1, sized(1, 'r1'), sized(3, '/encode')), dataOf(...documents)]);
}

export function dataOf(...documents: Buffer[][]): Buffer {
  return sized(4, sized(1, ...documents.map((parts) => sized(1, ...parts))));
}

/** A dense array. */
export function dense(buffer: Uint8Array, shape: number[], dtype: string): Buffer {
  return sized(1, sized(1, buffer), sized(2, ...shape.map(varint)), sized(3, dtype));
}
