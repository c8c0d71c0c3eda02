// node scripts/prune.cjs [FOLDER]: removes from FOLDER's node_modules (default: here) every native binary that this Node.js
// cannot load. What can be loaded is read from the file's own header, never guessed from a name. For images; Linux alone.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const BINARY = /\.(node|so|so\.[\d.]+|dylib|dll|exe)$/;
/** uWebSockets.js has a file for each version of V8's interface, told apart by name alone. */
const UWS = /^uws_[a-z\d]+_[a-z\d]+_(\d+)\.node$/;
/** ELF: magic, class (32 or 64 bits) and byte order at the start; the machine at 18. */
const HEADER_BYTES = 20;
/** The name by which a file asks for musl's C library, which a program of glibc never has. */
const MUSL = 'libc.musl-';

function headerOf(file) {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const descriptor = fs.openSync(file);
  try {
    fs.readSync(descriptor, bytes, 0, HEADER_BYTES, 0);
  } finally {
    fs.closeSync(descriptor);
  }
  return bytes;
}

/** Undefined for what is no ELF file: those of macOS and Windows. */
function machineOf(file) {
  const header = headerOf(file);
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  return `${header[4]}-${header[5]}-${header.readUInt16LE(18)}`;
}

const OURS = machineOf(process.execPath);
const GLIBC = process.report.getReport().header.glibcVersionRuntime !== undefined;

function loads(file) {
  const abi = UWS.exec(path.basename(file))?.[1];
  if (abi !== undefined && abi !== process.versions.modules) return false;
  if (machineOf(file) !== OURS) return false;
  return !(GLIBC && fs.readFileSync(file).includes(MUSL));
}

/** Removes files and the folders that are empty for it; returns [files, bytes]. */
function prune(folder) {
  let files = 0;
  let bytes = 0;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const inside = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      const [below, size] = prune(inside);
      if (below > 0 && fs.readdirSync(inside).length === 0) fs.rmdirSync(inside);
      files += below;
      bytes += size;
    } else if (entry.isFile() && BINARY.test(entry.name) && !loads(inside)) {
      bytes += fs.statSync(inside).size;
      fs.unlinkSync(inside);
      files += 1;
    }
  }
  return [files, bytes];
}

if (OURS === undefined) {
  process.stderr.write(`prune: expected Linux, got ${process.platform}; nothing was removed\n`);
  process.exit(1);
}
const modules = path.resolve(process.argv[2] ?? path.join(__dirname, '..'), 'node_modules');
const [files, bytes] = prune(modules);
process.stdout.write(
  `prune: ${files} files of other platforms, ${Math.round(bytes / 1e6)} MB, removed from ${modules}\n`,
);
