import { filesFromEnvironment } from '../config/files.ts';
import { cachePaths, cacheState } from '../model/cache.ts';
import { CATALOGUE, type CatalogueModel, isPacked, TOWERS } from '../model/catalogue.ts';
import { megabytes } from './progress.ts';

const USAGE =
  'Usage: clip-server models [--json]\nLists the models that the server knows by name, and which are cached.';

/** One row of the list, as `--json` prints it. */
interface Row {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Length of a vector. */
  readonly width: number;
  /** Side of a picture in pixels. */
  readonly resolution: number;
  /** Both files together, about. */
  readonly bytes: number;
  /**
   * `yes` both files verified; `unverified` both there, to be checked at the next start; `partly` one there; `packed`
   * only published as an archive, to be served by model_path.
   */
  readonly cached: 'yes' | 'unverified' | 'partly' | 'no' | 'packed';
}

/** Prints the catalogue. Resolves to the exit code: 0, or 2 for an unknown argument. */
export async function models(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  if (args.some((arg) => arg !== '--json')) {
    console.error(USAGE);
    return 2;
  }
  const { cache } = await filesFromEnvironment(process.env);
  const rows = await Promise.all(CATALOGUE.map((model) => describe(model, cache)));
  if (args.includes('--json')) console.log(JSON.stringify(rows, null, 2));
  else printTable(rows, cache);
  return 0;
}

async function describe(model: CatalogueModel, cache: string): Promise<Row> {
  const { name, aliases, width, resolution } = model;
  const bytes = TOWERS.reduce((total, tower) => total + model.files[tower].approximateBytes, 0);
  return { name, aliases, width, resolution, bytes, cached: await cachedState(model, cache) };
}

async function cachedState(model: CatalogueModel, cache: string): Promise<Row['cached']> {
  if (isPacked(model)) return 'packed';
  const states = await Promise.all(
    TOWERS.map((tower) => {
      const { file, ...checksum } = model.files[tower];
      return cacheState(cachePaths(cache, model, file), checksum);
    }),
  );
  const missing = states.filter((state) => state === 'absent').length;
  if (missing > 0) return missing === states.length ? 'no' : 'partly';
  return states.every((state) => state === 'verified') ? 'yes' : 'unverified';
}

function printTable(rows: readonly Row[], cache: string): void {
  const header = ['NAME', 'WIDTH', 'PIXELS', 'SIZE', 'CACHED', 'ALSO CALLED'];
  const cells = rows.map((row) => [
    row.name,
    String(row.width),
    String(row.resolution),
    megabytes(row.bytes),
    row.cached,
    row.aliases.join(', '),
  ]);
  const columns = header.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]!.length)));
  for (const row of [header, ...cells]) {
    console.log(
      row
        .map((cell, at) => cell.padEnd(columns[at]!))
        .join('  ')
        .trimEnd(),
    );
  }
  console.log(`\nCache: ${cache}`);
}
