import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildFailure } from '../child.ts';
import type { LibraryProbe } from '../native/addon.ts';
import { type AskOptions, askHost } from './ask.ts';

/** One library that was asked for, and what came of it. */
export interface Attempt extends LibraryProbe {
  /** `libnvinfer.so.10`, which the loader looks for, or the path of a file in a folder that it doesn't know. */
  readonly asked: string;
  /** In place of all else: how the process ended that loaded it. */
  readonly failure?: string;
}

export interface TensorRtLibraries {
  readonly infer: readonly Attempt[];
  readonly parser: readonly Attempt[];
  /** Where the loader looks first. */
  readonly libraryPath: readonly string[];
  /** Where files are looked for that the loader did not find; those that exist. */
  readonly folders: readonly string[];
}

/** Majors that are asked for in any case, the newest first; others where a file is seen. */
const MAJORS = ['11', '10'];

const LIBRARIES = {
  infer: { stem: 'libnvinfer', versionFunction: 'getInferLibVersion' },
  // Its own number is the same for all of TensorRT.
  parser: { stem: 'libnvonnxparser', versionFunction: '' },
} as const;

const FOLDERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/local/tensorrt/lib',
  '/opt/tensorrt/lib',
  '/usr/local/cuda/lib64',
];

/** Asks the loader for TensorRT's libraries of each major, then loads files from the usual folders that it does not find. */
export async function findTensorRt(options: AskOptions): Promise<TensorRtLibraries> {
  const { environment } = options;
  const libraryPath = (environment.LD_LIBRARY_PATH ?? '').split(/[:;]/).filter(Boolean);
  const listed = await listFolders([...FOLDERS, ...(await pythonFolders(environment))]);
  const seen = [...(await listFolders(libraryPath)).values(), ...listed.values()].flat();
  const wanted = (['infer', 'parser'] as const).flatMap((kind) => {
    const { stem, versionFunction } = LIBRARIES[kind];
    return majorsOf(stem, seen).map((major) => ({ kind, name: `${stem}.so.${major}`, versionFunction }));
  });
  const byName = await attempt(wanted, options);
  // All by name first: a library that is loaded by its path would serve those that need it.
  const elsewhere = wanted.flatMap((library, at) =>
    isLoaded(byName[at]!)
      ? []
      : [...listed].flatMap(([folder, files]) =>
          files.includes(library.name) ? [{ ...library, name: join(folder, library.name) }] : [],
        ),
  );
  const all = [...wanted, ...elsewhere];
  const attempts = [...byName, ...(await attempt(elsewhere, options))];
  const of = (kind: keyof typeof LIBRARIES) => attempts.filter((_, at) => all[at]!.kind === kind);
  return { infer: of('infer'), parser: of('parser'), libraryPath, folders: [...listed.keys()] };
}

export function isLoaded({ path, error }: Attempt): boolean {
  return path !== undefined && error === undefined;
}

/** The builder's own libraries, without which no engine is built. */
export interface BuilderResources {
  /** Names of those that load. */
  readonly builderResources: readonly string[];
  /** Where none does, but some are there: why the first does not. */
  readonly builderFault?: string;
}

/** Loads those of the folder: each takes milliseconds, whatever its size. */
export async function findBuilderResources(folder: string, options: AskOptions): Promise<BuilderResources> {
  const files = (await listFolders([folder])).get(folder) ?? [];
  const names = files.filter((name) => name.startsWith('libnvinfer_builder_resource')).sort();
  const libraries = names.map((name) => ({ name: join(folder, name), versionFunction: '' }));
  const attempts = await attempt(libraries, options);
  const builderResources = names.filter((_, at) => isLoaded(attempts[at]!));
  if (builderResources.length > 0 || names.length === 0) return { builderResources };
  const { failure, error } = attempts[0]!;
  return { builderResources, builderFault: failure ?? error! };
}

async function attempt(
  libraries: readonly { readonly name: string; readonly versionFunction: string }[],
  options: AskOptions,
): Promise<Attempt[]> {
  const questions = libraries.map(({ name, versionFunction }) => ({
    ask: 'library' as const,
    name,
    versionFunction,
  }));
  const answers: (LibraryProbe | ChildFailure)[] = await askHost(questions, options);
  return answers.map((answer, at) => ({ asked: questions[at]!.name, ...answer }));
}

function majorsOf(stem: string, files: readonly string[]): string[] {
  const found = files.flatMap((name) =>
    name.startsWith(`${stem}.so.`) && /\.so\.\d+$/.test(name) ? [name.split('.').at(-1)!] : [],
  );
  return [...new Set([...MAJORS, ...found])];
}

/** Folder → its files; folders that cannot be read are left out. */
async function listFolders(folders: readonly string[]): Promise<Map<string, string[]>> {
  const lists = await Promise.all(folders.map((folder) => readdir(folder).catch(() => undefined)));
  return new Map(folders.flatMap((folder, at) => (lists[at] ? [[folder, lists[at]]] : [])));
}

/** Where the packages of Python's `tensorrt` keep the libraries. */
async function pythonFolders({ VIRTUAL_ENV }: NodeJS.ProcessEnv): Promise<string[]> {
  const roots = ['/usr/lib', '/usr/local/lib', ...(VIRTUAL_ENV ? [join(VIRTUAL_ENV, 'lib')] : [])];
  const lists = await listFolders(roots);
  return [...lists].flatMap(([root, names]) =>
    names
      .filter((name) => /^python3[.\d]*$/.test(name))
      .flatMap((name) =>
        ['site-packages', 'dist-packages'].map((packages) => join(root, name, packages, 'tensorrt_libs')),
      ),
  );
}
