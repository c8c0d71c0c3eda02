/** A length-delimited field; numbers below 16 only. */
export function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
}

/** `DataRequestProto` with one text per document; the first has the id `0`, as clients number them. */
export function dataRequest(requestId: string, texts: readonly string[]): Buffer {
  const documents = texts.map((text, i) => field(1, Buffer.concat([field(1, `${i}`), field(4, text)])));
  const header = Buffer.concat([field(1, requestId), field(3, '/encode')]);
  return Buffer.concat([field(1, header), field(4, field(1, Buffer.concat(documents)))]);
}

/** The length-delimited fields of a message: number and bytes. Varints are stepped over. */
export function fieldsOf(message: Buffer): [number, Buffer][] {
  const found: [number, Buffer][] = [];
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 0x80) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) === 0) continue;
    found.push([tag >> 3, message.subarray(at, at + value)]);
    at += value;
  }
  return found;
}

const find = (message: Buffer | undefined, number: number): Buffer | undefined =>
  message && fieldsOf(message).find(([each]) => each === number)?.[1];

export function requestIdOf(reply: Buffer): string | undefined {
  return find(find(reply, 1), 1)?.toString();
}

/** Whether the reply's status is an error. */
export function failed(reply: Buffer): boolean {
  return find(find(reply, 1), 2) !== undefined;
}

/** The vector of each document; undefined for one without. */
export function embeddingsOf(reply: Buffer): (number[] | undefined)[] {
  return fieldsOf(find(find(reply, 4), 1) ?? Buffer.alloc(0)).map(([, document]) => {
    const embedding = fieldsOf(document).find(([number]) => number === 16)?.[1];
    const buffer = find(find(embedding, 1), 1);
    return buffer && [...new Float32Array(Uint8Array.from(buffer).buffer)];
  });
}
