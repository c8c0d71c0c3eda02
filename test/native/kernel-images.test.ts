import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
const IMAGES = join(ROOT, 'native/tensorrt/kernels');
const CUBINS = [75, 80, 86, 89, 90];
const PTX = 'compute_75.ptx';
const KERNELS = ['clip_across', 'clip_down', 'clip_normalise_float16', 'clip_normalise_float32'];
/** The order of scripts/make-kernels.py. */
const SOURCES = ['tensorrt/kernels.cu', 'pixel.h', 'tensorrt/half.h'];
const digest = SOURCES.reduce(
  (hash, name) => hash.update(readFileSync(join(ROOT, 'native', name))),
  createHash('sha256'),
).digest('hex');

const EM_CUDA = 190;
const SHF_COMPRESSED = 0x800n;
/** Of CUDA 12's cubins; drivers of CUDA 12 refuse those of 13. */
const CUDA_12 = { osAbi: 0x33, abiVersion: 7 };

interface Section {
  readonly name: string;
  readonly flags: bigint;
}

/** Sections of a 64-bit ELF file. */
function sectionsOf(elf: Buffer): Section[] {
  const table = Number(elf.readBigUInt64LE(0x28));
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => elf.readUInt16LE(at)) as [
    number,
    number,
    number,
  ];
  const headers = Array.from({ length: count }, (_, i) => elf.subarray(table + i * size));
  const text = Number(headers[names]!.readBigUInt64LE(0x18));
  return headers.map((header) => {
    const from = text + header.readUInt32LE(0);
    return { name: elf.toString('latin1', from, elf.indexOf(0, from)), flags: header.readBigUInt64LE(8) };
  });
}

test('the compiled kernels are there for the architectures that the module picks from, and no others', () => {
  assert.deepEqual(readdirSync(IMAGES).sort(), [PTX, ...CUBINS.map((number) => `sm_${number}.cubin`)].sort());
  const picked = readFileSync(join(ROOT, 'native/tensorrt/images.cc'), 'utf8').matchAll(
    /CLIP_EMBED\(\w+, "(.*)"\)/g,
  );
  assert.deepEqual([...picked].map(([, name]) => name).sort(), readdirSync(IMAGES).sort());
});

for (const number of CUBINS)
  test(`sm_${number} is machine code of CUDA 12 with each kernel, from the sources beside it`, () => {
    const elf = readFileSync(join(IMAGES, `sm_${number}.cubin`));
    assert.equal(elf.toString('latin1', 0, 4), '\x7fELF');
    assert.equal(elf.readUInt16LE(0x12), EM_CUDA);
    assert.equal(elf.readUInt32LE(0x30) & 0xff, number);
    assert.deepEqual({ osAbi: elf[7], abiVersion: elf[8] }, CUDA_12);
    const sections = sectionsOf(elf);
    for (const kernel of KERNELS)
      assert.ok(
        sections.some(({ name }) => name === `.text.${kernel}`),
        `${kernel} is missing`,
      );
    for (const { name, flags } of sections)
      assert.equal(flags & SHF_COMPRESSED, 0n, `${name} is compressed: drivers differ in what they unpack`);
    assert.ok(elf.includes(`${digest}\0`), 'compiled from other sources: run scripts/make-kernels.py');
  });

test('the PTX for newer devices is a string with each kernel, from the sources beside it', () => {
  const bytes = readFileSync(join(IMAGES, PTX));
  const text = bytes.toString('latin1');
  assert.equal(
    bytes.indexOf(0),
    bytes.length - 1,
    'the driver reads to the first zero, which has to be the last byte',
  );
  // 8.5 is CUDA 12.5 and 12.6: what needs PTX is newer than they are.
  assert.match(text, /^\.version 8\.5\n\.target sm_75\n/m);
  for (const kernel of KERNELS) assert.match(text, new RegExp(`^\\.visible \\.entry ${kernel}\\(`, 'm'));
  assert.doesNotMatch(
    text,
    /\bfma\b|mad\.f32|div\.approx|div\.full|\.ftz/,
    'each step is to be rounded by itself',
  );
  const [, list] = /clip_sources\[65\] = \{([\d, ]+)\}/.exec(text)!;
  assert.equal(String.fromCharCode(...list!.split(', ').map(Number)), digest);
});

test('the modules hold the compiled kernels', (t) => {
  const built = [10, 11]
    .map((major) => join(ROOT, `build/Release/tensorrt${major}.node`))
    .filter((file) => existsSync(file));
  if (built.length === 0) return t.skip("no module is built: npm run headers fetches TensorRT's headers");
  for (const file of built) {
    const module = readFileSync(file);
    for (const name of readdirSync(IMAGES))
      assert.ok(module.includes(readFileSync(join(IMAGES, name))), `${name} is not in ${file}`);
  }
});

test('compiled again, the kernels are the same byte for byte', (t) => {
  const python = process.env.CLIP_KERNELS_PYTHON;
  if (!python)
    return t.skip('CLIP_KERNELS_PYTHON names no Python with scripts/kernels-requirements.txt installed');
  const out = mkdtempSync(join(tmpdir(), 'clip-kernels-'));
  try {
    execFileSync(python, [join(ROOT, 'scripts/make-kernels.py'), out]);
    assert.deepEqual(readdirSync(out).sort(), readdirSync(IMAGES).sort());
    for (const name of readdirSync(out))
      assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(IMAGES, name))), `${name} is another`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
