import type { BlockChanges } from './format.ts';
import { IndexFile } from './index-file.ts';

/** Of a block; some MB. */
const ROWS = 4096;

/**
 * Writes an index anew without what is gone, in the order of its rows, puts it in the place of the old one and closes that. To be
 * called by who holds the lock; others go on reading the old one.
 */
export async function compact(index: IndexFile): Promise<IndexFile> {
  const fresh = await IndexFile.begin(index.path, index.head);
  try {
    await copyRows(index, fresh);
    await fresh.publish();
  } catch (error) {
    await fresh.discard();
    throw error;
  }
  await index.close();
  return fresh;
}

async function copyRows(index: IndexFile, fresh: IndexFile): Promise<void> {
  const { width } = index;
  const paths = pathsByRow(index);
  const rows = new Uint16Array(ROWS * width);
  let changes = { added: [], again: [], gone: [] } as {
    [K in keyof BlockChanges]: BlockChanges[K][number][];
  };
  let next = 0;
  const flush = async () => {
    await fresh.append(changes, rows.subarray(0, changes.added.length * width));
    next += changes.added.length;
    changes = { added: [], again: [], gone: [] };
  };
  for await (const { first, vectors } of index.blocks())
    for (let row = first; row < first + vectors.length / width; row += 1) {
      const [path, ...others] = paths.get(row) ?? [];
      if (path === undefined) continue;
      const from = (row - first) * width;
      rows.set(vectors.subarray(from, from + width), changes.added.length * width);
      const to = next + changes.added.length;
      const fieldsOf = (name: string) => {
        const { size, modified, hash } = index.files.get(name)!;
        return [name, size, modified, hash] as const;
      };
      changes.added.push(fieldsOf(path));
      for (const other of others) changes.again.push([...fieldsOf(other), to]);
      if (changes.added.length === ROWS) await flush();
    }
  if (changes.added.length > 0) await flush();
}

/** The files of each row that still has some. */
export function pathsByRow({ files }: IndexFile): Map<number, string[]> {
  const paths = new Map<number, string[]>();
  for (const [path, { row }] of files) {
    const known = paths.get(row);
    if (known) known.push(path);
    else paths.set(row, [path]);
  }
  return paths;
}
