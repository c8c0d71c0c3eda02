// npm run headers: fetches the headers of TensorRT 10 and 11 into native/headers, by cargo, from two pinned packages of Rust's
// that carry NVIDIA's files as they are. Nothing is done where they are there. Nothing else of the packages is kept or built.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchedFolder } from './tensorrt-headers.mjs';

const PACKAGE = 'trtx-sys';
const SETS = [
  {
    major: 10,
    version: '0.5.0',
    sha256: '1efd9036abbd2775da5df4e49793ec8e656f026fb9c60dff7e95bda2d654e634',
    folder: 'TRT-Enterprise-10.16',
  },
  {
    major: 11,
    version: '0.9.1+rtx1.7',
    sha256: '5480ee056292951daa1bc74532162d6cb75190f091e45d7d97c0c356916ae171',
    folder: 'TRT-Enterprise-11.4',
  },
];
const FILES = [
  'NvInfer.h',
  'NvInferImpl.h',
  'NvInferLegacyDims.h',
  'NvInferPluginBase.h',
  'NvInferRuntime.h',
  'NvInferRuntimeBase.h',
  'NvInferRuntimeCommon.h',
  'NvInferRuntimePlugin.h',
  'NvInferVersion.h',
  'NvOnnxParser.h',
];
const LONGEST_MS = 5 * 60_000;
/** The first with `cargo info`, which fetches one package and builds nothing. */
const LEAST_CARGO = '1.82';
const ELSE =
  "Without it, the headers of an installed TensorRT serve: those of the system's packages (libnvinfer-headers-dev), or of the folder that CLIP_TENSORRT_INCLUDE names.";

function fail(sentence) {
  process.stderr.write(`clip-server: ${sentence}\n`);
  process.exit(1);
}

function say(line) {
  if (process.stderr.isTTY) process.stderr.write(line);
}

/** Written last, beside the headers: whose they are, and which. */
function notice({ version, sha256, folder }) {
  return `The headers in this folder are of NVIDIA TensorRT, ${folder}.
SPDX-FileCopyrightText: Copyright (c) 1993-2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
SPDX-License-Identifier: Apache-2.0 (its text: LICENSE of clip-server; each file says the same at its top)
Unchanged, from the package ${PACKAGE} ${version}, SHA-256 ${sha256}
`;
}

function isCurrent(set) {
  const folder = fetchedFolder(set.major);
  const file = join(folder, 'NOTICE');
  return (
    existsSync(file) &&
    readFileSync(file, 'utf8') === notice(set) &&
    FILES.every((name) => existsSync(join(folder, name)))
  );
}

function checkCargo() {
  const { stdout, error } = spawnSync('cargo', ['--version'], { encoding: 'utf8' });
  const version = /^cargo (\d+)\.(\d+)/.exec(stdout ?? '');
  if (error || !version)
    fail(`TensorRT's headers are fetched by cargo ${LEAST_CARGO} or newer, which does not run here. ${ELSE}`);
  const [major, minor] = LEAST_CARGO.split('.').map(Number);
  const [, haveMajor, haveMinor] = version.map(Number);
  if (haveMajor < major || (haveMajor === major && haveMinor < minor))
    fail(
      `TensorRT's headers are fetched by cargo ${LEAST_CARGO} or newer, and this is ${stdout.trim()}. ${ELSE}`,
    );
}

/** The package's file as cargo keeps it. */
function cached({ version, sha256 }) {
  const cache = join(process.env.CARGO_HOME || join(homedir(), '.cargo'), 'registry', 'cache');
  const files = (existsSync(cache) ? readdirSync(cache) : [])
    .map((registry) => join(cache, registry, `${PACKAGE}-${version}.crate`))
    .filter((file) => existsSync(file));
  const sums = files.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
  if (files.length > 0 && !sums.includes(sha256))
    fail(`${files[0]} has SHA-256 ${sums[0]}, and ${sha256} was expected; nothing of it was used.`);
  return files[sums.indexOf(sha256)];
}

function obtain(set) {
  const have = cached(set);
  if (have) return have;
  const options = { cwd: tmpdir(), encoding: 'utf8', timeout: LONGEST_MS };
  const { status, stderr } = spawnSync('cargo', ['info', '--quiet', `${PACKAGE}@${set.version}`], options);
  const fetched = status === 0 ? cached(set) : undefined;
  if (!fetched)
    fail(
      `cargo did not fetch ${PACKAGE} ${set.version}${status === null ? ` in ${LONGEST_MS / 60_000} minutes` : ''}. ${ELSE}\n${stderr}`,
    );
  return fetched;
}

/** All or nothing: a folder of the headers' own appears when it is complete. */
function unpack(set, file) {
  const target = fetchedFolder(set.major);
  const partial = `${target}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const inside = `${PACKAGE}-${set.version}/TensorRT-Headers/${set.folder}`;
  const wanted = FILES.map((name) => `${inside}/${name}`);
  const { status, stderr, error } = spawnSync('tar', ['-xzf', file, '-C', partial, ...wanted], {
    encoding: 'utf8',
  });
  try {
    if (status !== 0) fail(`tar does not unpack ${file}: ${error?.message ?? stderr}`);
    for (const name of FILES) copyFileSync(join(partial, inside, name), join(partial, name));
    rmSync(join(partial, `${PACKAGE}-${set.version}`), { recursive: true });
    writeFileSync(join(partial, 'NOTICE'), notice(set));
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

const missing = SETS.filter((set) => !isCurrent(set));
if (missing.some((set) => !cached(set))) checkCargo();
for (const set of missing) {
  say(`TensorRT ${set.major}: headers …`);
  unpack(set, obtain(set));
  say(` native/headers/tensorrt${set.major}\n`);
}
